// Who may import whom (docs/architecture.md). Each rule is one sentence of the architecture.
const inRoom = (room) => `^${room}/`

module.exports = {
  forbidden: [
    {
      name: 'contracts-and-protocols-are-leaves',
      severity: 'error',
      from: { path: '^(contracts|protocols)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(core|modules|native|apps|sdk|kits|testing|bench)/' },
    },
    {
      name: 'core-stands-on-contracts-and-protocols',
      severity: 'error',
      from: { path: inRoom('core'), pathNot: '\\.test\\.ts$' },
      to: { path: '^(modules|native|apps|sdk|kits|bench)/' },
    },
    {
      name: 'a-module-never-imports-another-module',
      severity: 'error',
      from: { path: '^modules/([^/]+)/' },
      to: { path: '^modules/([^/]+)/', pathNot: '^modules/$1/' },
    },
    {
      name: 'modules-stand-on-core',
      severity: 'error',
      from: { path: inRoom('modules'), pathNot: '(\\.test\\.ts$|/tests/)' },
      to: { path: '^(apps|sdk|kits|bench)/' },
    },
    {
      name: 'the-packet-path-belongs-to-rtc',
      severity: 'error',
      from: { path: '^(contracts|protocols|core|apps|sdk|kits|modules/(?!rtc/))', pathNot: '\\.test\\.ts$' },
      to: { path: inRoom('native') },
    },
    {
      name: 'sdk-stands-on-contracts-and-protocols',
      severity: 'error',
      from: { path: inRoom('sdk'), pathNot: '(\\.test\\.tsx?$|/tests/)' },
      to: { path: '^(core|modules|native|apps|kits|testing|bench)/' },
    },
    {
      name: 'pages-and-kits-prove-the-public-api',
      severity: 'error',
      from: { path: '^(apps/(console|demo)|kits)/', pathNot: '(\\.test\\.tsx?$|/tests/)' },
      to: { path: '^(core|modules|native|apps/(server|cli)|testing|bench)/' },
    },
    {
      name: 'cli-stands-on-core',
      severity: 'error',
      from: { path: '^apps/cli/', pathNot: '(\\.test\\.ts$|/tests/)' },
      to: {
        path: '^(modules|native|sdk|kits|testing|bench|apps/(?!cli/|server/src/(?:settings|migrations|version)\\.ts))',
      },
    },
    {
      name: 'only-tests-import-testing',
      severity: 'error',
      from: {
        path: '^(contracts|protocols|core|modules|native|apps|sdk|kits)/',
        pathNot: '(\\.test\\.tsx?$|/tests/|/test-server/)',
      },
      to: { path: inRoom('testing') },
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    exclude: { path: '(^|/)(node_modules|dist|build|\\.cache|\\.parley)/' },
    doNotFollow: { path: 'node_modules' },
    includeOnly: '^(contracts|protocols|core|modules|native|apps|sdk|kits|testing|bench)/',
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['parley-source', 'import', 'default'],
    },
  },
}
