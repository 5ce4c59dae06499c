export { type JwtClaims, parseJwt, type SignedJwt, signJwt, verifyJwt } from './jwt.ts'
