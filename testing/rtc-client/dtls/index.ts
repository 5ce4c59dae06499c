export {
  DtlsAssociation,
  type DtlsOptions,
  type DtlsSession,
  SRTP_PROFILES,
  type SrtpMasterKey,
  type SrtpProfile,
} from './association.ts'
export { certificateFingerprint, createCertificate, type DtlsCertificate } from './certificate.ts'
export { isDtls } from './record.ts'
