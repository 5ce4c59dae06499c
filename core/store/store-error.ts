/** The database cannot be used as it is; the message says what an operator can do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}
