/** How far other members have read, and how far messages have reached them, as far as it is known. */
export class MemberCursors {
  readonly #userId: string
  readonly #read = new Map<string, number>()
  readonly #delivered = new Map<string, number>()

  constructor(userId: string) {
    this.#userId = userId
  }

  get read(): ReadonlyMap<string, number> {
    return this.#read
  }

  get delivered(): ReadonlyMap<string, number> {
    return this.#delivered
  }

  handleRead(userId: string, seq: number): void {
    this.#forward(this.#read, userId, seq)
  }

  handleDelivered(userId: string, seq: number): void {
    this.#forward(this.#delivered, userId, seq)
  }

  #forward(cursors: Map<string, number>, userId: string, seq: number): void {
    if (userId !== this.#userId) cursors.set(userId, Math.max(seq, cursors.get(userId) ?? 0))
  }
}
