export {
  type Addresses,
  createFoundation,
  createPlatform,
  type Foundation,
  type Platform,
  type PlatformOptions,
} from './platform.ts'
