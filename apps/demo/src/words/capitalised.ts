/** What stands for the name of a user of the demo. */
export function capitalised(userId: string): string {
  return userId.charAt(0).toUpperCase() + userId.slice(1)
}
