import { expect, test } from 'vitest'
import { initialsOf } from './initials.ts'

test.each([
  ['张三', 'zs'],
  ['李小龙', 'lxl'],
  ['阿里', 'al'],
  ['单田芳', 'stf'],
  ['曾国藩', 'zgf'],
  ['欧阳娜娜', 'oynn'],
  ['Ada Lovelace', 'al'],
  ["Conan O'Brien", 'co'],
  ['Élodie 王', 'ew'],
  ['7 Eleven', '7e'],
  ['🙂', ''],
])('ENT-8: the initials of %s are %s', (name, initials) => {
  expect(initialsOf(name)).toBe(initials)
})

test.each([
  ['a', '安艾阿奥傲'],
  ['b', '白八巴'],
  ['c', '陈程曹蔡崔常擦'],
  ['d', '董邓丁杜戴段搭'],
  ['e', '鄂恩蛾'],
  ['f', '冯傅范方发'],
  ['g', '高郭顾龚嘎'],
  ['h', '黄胡何韩郝侯贺哈'],
  ['j', '蒋贾姜金江击'],
  ['k', '孔康卡'],
  ['l', '李刘林罗梁吕卢廖陆龙雷黎赖拉'],
  ['m', '马毛孟妈'],
  ['n', '倪牛聂娜拿'],
  ['o', '欧哦区'],
  ['p', '彭潘裴爬'],
  ['q', '邱秦钱乔七'],
  ['r', '任然'],
  ['s', '孙宋沈苏石史邵撒'],
  ['t', '唐田谭汤他'],
  ['w', '王吴魏汪万武文挖'],
  ['x', '徐谢萧许薛夏熊西'],
  ['y', '杨于袁叶阎余姚尹易压'],
  ['z', '张赵周朱郑曾钟邹杂匝'],
])('ENT-8: %s begins the pinyin of each of %s', (letter, characters) => {
  for (const character of characters) expect(initialsOf(character), character).toBe(letter)
})
