/** What stands above the tables of docs/guides/limits.md. */
export const limitsIntroduction = `# Limits and settings

Every limit is a setting with a generous default. \`npx parley config\` shows each with its value on this machine and
where it comes from; \`npx parley config http\` shows one room. Set them in the environment or in the configuration file
that \`npx parley init\` writes. Rates are per process. This page is made from the settings themselves
(\`node scripts/limits.mjs\`).

## What a caller sees

Every answer of REST carries the limit of its caller (API key, user, or address where there are no credentials):

| Header | Meaning |
|---|---|
| \`RateLimit-Limit\` | calls that may be made at once |
| \`RateLimit-Remaining\` | how many of them are left |
| \`RateLimit-Reset\` | seconds until all of them are there again |

A call above it is answered with status 429, \`rate-limited\`, and \`Retry-After\` in seconds. A process with too much to
do answers 503, \`overloaded\`, also with \`Retry-After\`. Both carry \`"retryable": true\`: the call was not carried out,
so sending it again is right. On realtime connections the same codes come as answers to frames, with
\`retryAfterMs\`; a connection that goes on regardless is closed.

Some limits are part of the contract and no settings: a page of a list holds 200 items at most, custom data of users and
conversations 4 KiB, ids chosen by customers 128 bytes. They stand in the API reference (\`/docs\`).`
