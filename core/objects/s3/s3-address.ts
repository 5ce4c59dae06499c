import { ConfigError } from '@parley/core/kernel'

/** Where a bucket is and who may use it. */
export interface S3Address {
  /** Of the bucket, without a slash at the end. */
  bucketUrl: string
  region: string
  accessKey: string
  secretKey: string
  /** Stands before every key; empty or with a slash at the end. */
  prefix: string
}

export interface S3AddressSettings {
  /** `https://key:secret@host/bucket/prefix?region=eu-central-1&style=path` */
  s3Url: string
  s3AccessKey?: string | undefined
  s3SecretKey?: string | undefined
}

/** Reads the settings of an S3 bucket. Throws a ConfigError that says what is missing, and never tells a secret. */
export function readS3Address(settings: S3AddressSettings): S3Address {
  const url = parse(settings.s3Url)
  const [bucket, ...prefix] = url.pathname.split('/').filter((segment) => segment !== '')
  if (bucket === undefined) throw wrong('names no bucket')
  const accessKey = settings.s3AccessKey ?? decodeURIComponent(url.username)
  const secretKey = settings.s3SecretKey ?? decodeURIComponent(url.password)
  if (accessKey === '' || secretKey === '') {
    throw wrong('holds no key and secret; PARLEY_S3_ACCESS_KEY and PARLEY_S3_SECRET_KEY may name them')
  }
  const style = url.searchParams.get('style') ?? 'path'
  if (style !== 'path' && style !== 'virtual') throw wrong('takes style=path or style=virtual')
  const bucketUrl =
    style === 'path' ? `${url.protocol}//${url.host}/${bucket}` : `${url.protocol}//${bucket}.${url.host}`
  return {
    bucketUrl,
    region: url.searchParams.get('region') ?? 'us-east-1',
    accessKey,
    secretKey,
    prefix: prefix.map((segment) => `${segment}/`).join(''),
  }
}

function parse(text: string): URL {
  if (!URL.canParse(text)) throw wrong('is no address')
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw wrong('takes https: or http:')
  return url
}

function wrong(what: string): ConfigError {
  return new ConfigError(`PARLEY_S3_URL ${what}. Its form: https://key:secret@host/bucket?region=us-east-1`)
}
