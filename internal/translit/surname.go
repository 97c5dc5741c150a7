package translit

import (
	"strings"
	"unicode"
)

// The tables hold only readings that differ from the first one of go-pinyin's
// dictionary, whose order is that of general text, where these characters are
// rarely names; the library has no surname readings of its own (dependencies.md).
// A test keeps them free of needless entries. The readings are those that the
// Xiandai Hanyu Cidian marks 姓 ("surname"), else the bearers' own usage (黑 hè).
// Where a character is two surnames (覃 qín and tán, 乐 yuè and lè), the one with
// more bearers stands here.

// surnames are single-character surnames, simplified and traditional.
var surnames = map[rune]string{
	'单': "shan", '單': "shan",
	'曾': "zeng",
	'仇': "qiu",
	'解': "xie",
	'区': "ou", '區': "ou",
	'查': "zha",
	'盖': "ge", '蓋': "ge",
	'朴': "piao",
	'翟': "zhai",
	'乐': "yue", '樂': "yue",
	'缪': "miao", '繆': "miao",
	'员': "yun", '員': "yun",
	'贠': "yun",
	'黑': "he",
	'秘': "bi", '祕': "bi",
	'折': "she",
	'洗': "xian",
	'召': "shao",
	'覃': "qin",
	'卜': "bu",
	'种': "chong",
	'乜': "nie",
	'阚': "kan",
	'佴': "nai",
	'能': "nai",
	'适': "kuo",
	'祭': "zhai",
	'句': "gou",
	'都': "du",
	'蔚': "yu",
	'粘': "nian",
	'薄': "bo",
	'繁': "po",
	'賁': "ben",
	'炅': "gui",
	'隗': "wei",
	'角': "jue",
	'么': "yao",
}

// compounds are surnames of several characters with at least one reading that
// neither the dictionary nor surnames gives. Others (欧阳, 令狐, 乐正) need none.
var compounds = map[string][]string{
	"尉迟": {"yu", "chi"}, "尉遲": {"yu", "chi"},
	"万俟": {"mo", "qi"}, "萬俟": {"mo", "qi"},
	"澹台": {"tan", "tai"}, "澹臺": {"tan", "tai"},
	"单于": {"chan", "yu"}, "單于": {"chan", "yu"},
	"子车": {"zi", "ju"}, "子車": {"zi", "ju"},
	"吐谷浑": {"tu", "yu", "hun"}, "吐谷渾": {"tu", "yu", "hun"},
}

// given are readings of given names.
var given = map[rune]string{
	'长': "chang", '長': "chang",
	'晟': "sheng",
	'曾': "zeng",
	'都': "du",
	'卜': "bu",
	'泊': "bo",
	'伽': "jia",
	'隽': "jun", '雋': "jun",
	'靓': "liang", '靚': "liang",
	'崴': "wei",
}

// longestPlain is the most Han characters that a personal name with a single
// surname has: a married name's two surnames and two of the given name.
// What is longer is a label ("解决方案测试号"), not a name.
const longestPlain = 4

// nameReadings returns the readings of the leading Han characters of a Chinese
// personal name, "" for those that the dictionary reads well. It is nil for
// anything else.
func nameReadings(name []rune) []string {
	han := leadingHan(name)
	readings := make([]string, len(han))
	start, text := 1, string(han)
	for surname, reading := range compounds {
		if strings.HasPrefix(text, surname) {
			start = copy(readings, reading)
		}
	}
	if len(han) == 0 || len(han) > longestPlain+start-1 {
		return nil
	}
	if start == 1 {
		readings[0] = surnames[han[0]]
	}
	for i := start; i < len(han); i++ {
		readings[i] = given[han[i]]
	}
	return readings
}

// leadingHan returns the Han characters that a name begins with, across spaces.
// It returns none where a middle dot or kana follows: "查理·布朗" is a foreign name
// spelt by sound and "曾根さくら" a Japanese one, neither begins with a Chinese surname.
func leadingHan(name []rune) []rune {
	var han []rune
	for _, r := range name {
		switch {
		case unicode.Is(unicode.Han, r):
			han = append(han, r)
		case strings.ContainsRune("·•‧・", r), unicode.In(r, unicode.Hiragana, unicode.Katakana):
			return nil
		case len(han) == 0 && (unicode.IsLetter(r) || unicode.IsNumber(r)):
			return nil
		case len(han) > 0 && !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r):
			return han
		}
	}
	return han
}
