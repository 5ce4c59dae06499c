export interface TokenBucketOptions {
  /** Most tokens a bucket holds: what may be taken at once after a rest. */
  capacity: number
  refillPerSecond: number
  /**
   * Buckets kept at once. Beyond it the bucket that was used longest ago is forgotten, which gives its key a full
   * one: memory stays bounded whatever keys come from outside.
   */
  maxKeys: number
  /** Monotonic clock in milliseconds. */
  now?: () => number
}

export type TakeAnswer = { ok: true; remaining: number } | { ok: false; retryAfterMs: number }

interface Bucket {
  tokens: number
  filledAtMs: number
}

/** Rate limits by key: a bucket refills steadily, and a call takes from it or is refused. */
export class TokenBuckets {
  readonly capacity: number
  readonly refillPerSecond: number
  readonly #maxKeys: number
  readonly #now: () => number
  /** In order of last use. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: TokenBucketOptions) {
    this.capacity = options.capacity
    this.refillPerSecond = options.refillPerSecond
    this.#maxKeys = options.maxKeys
    this.#now = options.now ?? (() => performance.now())
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Takes `cost` tokens, or none when there are too few. A cost over the capacity is never granted. */
  take(key: string, cost = 1): TakeAnswer {
    const bucket = this.#filled(key)
    this.#touch(key, bucket)
    if (bucket.tokens < cost) return this.#refusal(bucket, cost)
    bucket.tokens -= cost
    return { ok: true, remaining: bucket.tokens }
  }

  /** What `take` would answer, without taking. */
  peek(key: string, cost = 1): TakeAnswer {
    const bucket = this.#filled(key)
    if (bucket.tokens < cost) return this.#refusal(bucket, cost)
    return { ok: true, remaining: bucket.tokens - cost }
  }

  /** Time until a bucket that holds `remaining` tokens is full again. Milliseconds. */
  fullAfterMs(remaining: number): number {
    return Math.ceil(((this.capacity - remaining) / this.refillPerSecond) * 1000)
  }

  #filled(key: string): Bucket {
    const nowMs = this.#now()
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) return { tokens: this.capacity, filledAtMs: nowMs }
    const gained = ((nowMs - bucket.filledAtMs) / 1000) * this.refillPerSecond
    bucket.tokens = Math.min(this.capacity, bucket.tokens + gained)
    bucket.filledAtMs = nowMs
    return bucket
  }

  #touch(key: string, bucket: Bucket): void {
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size <= this.#maxKeys) return
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest)
      return
    }
  }

  #refusal(bucket: Bucket, cost: number): TakeAnswer {
    return { ok: false, retryAfterMs: Math.ceil(((cost - bucket.tokens) / this.refillPerSecond) * 1000) }
  }
}
