{
  'targets': [
    {
      'target_name': 'fastpath',
      'sources': [
        '<!@(find src -name "*.cc")',
      ],
      'include_dirs': ['src'],
      'defines': ['NAPI_VERSION=8', 'NODE_GYP_MODULE_NAME=fastpath'],
      'cflags': ['-O3', '-g0', '-Wall', '-Wextra', '-Wno-unused-parameter', '-Wno-deprecated-declarations', '-fvisibility=hidden'],
      'cflags!': ['-O2'],
      'cflags_cc': ['-std=c++17', '-fno-rtti', '-fno-exceptions'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-std=gnu++14'],
    },
  ],
}
