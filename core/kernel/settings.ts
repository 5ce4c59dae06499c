import { choice, flag, integer, optionalUrl, type SettingValues, secret, string } from './config.ts'
import { logLevels } from './logger.ts'

/** What every process needs to know before anything starts. */
export const kernelSettings = {
  dataDir: string('PARLEY_DATA_DIR', '.parley', 'Folder that holds everything this installation keeps'),
  port: integer(
    'PARLEY_PORT',
    { default: 7700, max: 65535 },
    'Port of REST, realtime and pages; 0 picks a free one',
  ),
  contentPort: integer(
    'PARLEY_CONTENT_PORT',
    { default: 7710, max: 65535 },
    'Port of the content origin that serves what users upload; 0 picks a free one',
  ),
  host: string('PARLEY_HOST', '0.0.0.0', 'Address to listen on'),
  publicUrl: optionalUrl('PARLEY_PUBLIC_URL', 'Address under which clients reach PARLEY_PORT'),
  contentUrl: optionalUrl('PARLEY_CONTENT_URL', 'Address under which clients reach PARLEY_CONTENT_PORT'),
  mode: choice(
    'PARLEY_MODE',
    ['development', 'production'],
    'development',
    'development serves the demo and its open tokens on loopback; production refuses both',
  ),
  logLevel: choice(
    'PARLEY_LOG_LEVEL',
    logLevels,
    'info',
    'Least level of log lines, which go to standard error',
  ),
  masterKey: secret(
    'PARLEY_MASTER_KEY',
    'Base64 of 32 bytes that seal all secrets; default: $PARLEY_DATA_DIR/master.key. While it is rotated, several ' +
      'with commas between them, the newest first',
  ),
  demo: flag('PARLEY_DEMO', true, 'Serve the demo page and its open tokens in development'),
} as const

export type KernelSettings = SettingValues<typeof kernelSettings>
