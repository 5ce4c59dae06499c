/**
 * Where a device stands. `changes` continues the change log after (txid, conversationId); `listing` is a first
 * sync that pages through all conversations and goes on as `changes` from `startTxid`. Cursors of another epoch
 * (a restored database counts its transactions anew) are worth nothing.
 */
export type SyncCursor =
  | { phase: 'changes'; epoch: string; txid: string; conversationId: string }
  | { phase: 'listing'; epoch: string; startTxid: string; conversationId: string }

export function encodeSyncCursor(cursor: SyncCursor): string {
  const parts =
    cursor.phase === 'changes'
      ? ['c', cursor.epoch, cursor.txid, cursor.conversationId]
      : ['l', cursor.epoch, cursor.startTxid, cursor.conversationId]
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

/** `undefined` for anything that this epoch cannot continue: the device is then synced in full. */
export function decodeSyncCursor(text: string | undefined, epoch: string): SyncCursor | undefined {
  if (text === undefined) return undefined
  const parts = parse(text)
  if (parts === undefined || parts[1] !== epoch) return undefined
  const [phase, , txid, conversationId] = parts
  if (phase === 'c') return { phase: 'changes', epoch, txid, conversationId }
  return { phase: 'listing', epoch, startTxid: txid, conversationId }
}

function parse(text: string): [string, string, string, string] | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (!Array.isArray(parts) || parts.length !== 4 || !parts.every((part) => typeof part === 'string'))
      return undefined
    const [phase, epoch, txid, conversationId] = parts as [string, string, string, string]
    if (!['c', 'l'].includes(phase) || !/^\d{1,19}$/.test(txid) || conversationId.includes('\u0000'))
      return undefined
    return [phase, epoch, txid, conversationId]
  } catch {
    return undefined
  }
}
