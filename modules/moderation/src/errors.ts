import { AppError } from '@parley/contracts'

/** Names no word: whoever tries words out learns nothing from it. */
export class ContentRejectedError extends AppError {
  constructor() {
    super('content-rejected')
  }
}

export class ContentUnderReviewError extends AppError {
  constructor() {
    super('content-under-review')
  }
}
