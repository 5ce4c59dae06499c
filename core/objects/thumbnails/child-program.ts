/**
 * What runs in the process that makes one thumbnail: CommonJS text, so that it needs no file of its own beside a bundle.
 * Arguments: path of sharp, longest side, most pixels. The picture comes on standard input, the thumbnail goes to
 * standard output. Only the four decoders that are wanted stay on.
 */
export const childProgram = `
const [, library, side, pixels] = process.argv
const mostMemory = 805306368
setInterval(() => { if (process.memoryUsage.rss() > mostMemory) process.exit(3) }, 10).unref()
const sharp = require(library)
sharp.cache(false)
sharp.concurrency(1)
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({ operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp', 'VipsForeignLoadNsgif'] })
const chunks = []
process.stdin.on('data', (chunk) => chunks.push(chunk))
process.stdin.on('end', async () => {
  try {
    const picture = sharp(Buffer.concat(chunks), { limitInputPixels: Number(pixels), pages: 1, failOn: 'error' })
    const small = await picture
      .rotate()
      .resize({ width: Number(side), height: Number(side), fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 80 })
      .toBuffer()
    process.stdout.end(small)
  } catch {
    process.exitCode = 2
  }
})
`
