{
  'targets': [
    {
      'target_name': 'packet-sink',
      'sources': [
        '<!@(find src -name "*.cc")',
      ],
      'include_dirs': ['src'],
      'defines': ['NAPI_VERSION=8', 'NODE_GYP_MODULE_NAME=packet_sink'],
      'cflags': ['-O3', '-g0', '-Wall', '-Wextra', '-Wno-missing-field-initializers', '-fvisibility=hidden'],
      'cflags!': ['-O2'],
      'cflags_cc': ['-std=c++17', '-fno-rtti', '-fno-exceptions'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-std=gnu++14'],
    },
  ],
}
