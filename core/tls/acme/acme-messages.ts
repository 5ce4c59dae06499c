import { z } from 'zod'

/** Resources of RFC 8555, as far as they are used here. */

/** Section 7.1.1. */
export const directory = z.object({
  newNonce: z.url(),
  newAccount: z.url(),
  newOrder: z.url(),
  meta: z.object({ externalAccountRequired: z.boolean().optional() }).optional(),
})
export type Directory = z.infer<typeof directory>

/** Section 6.7, RFC 7807. */
export const problem = z.object({ type: z.string().default('about:blank'), detail: z.string().default('') })

/** Section 7.1.6 draws which state follows which. */
export const order = z.object({
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  authorizations: z.array(z.url()).max(100),
  finalize: z.url(),
  certificate: z.url().optional(),
  error: problem.optional(),
})
export type Order = z.infer<typeof order>

/** Section 8. */
const challenge = z.object({
  type: z.string(),
  url: z.url(),
  status: z.string(),
  // Base64url only (section 8.3): it becomes part of a path.
  token: z
    .string()
    .regex(/^[\w-]+$/)
    .max(512)
    .optional(),
  error: problem.optional(),
})

/** Section 7.1.4. */
export const authorization = z.object({
  status: z.enum(['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked']),
  identifier: z.object({ type: z.string(), value: z.string() }),
  challenges: z.array(challenge).max(100),
})
