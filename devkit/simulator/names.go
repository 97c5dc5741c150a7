package simulator

import (
	"math/rand/v2"
	"strings"
)

// Names weighs the scripts that people's names are written in. Only the
// relation of the weights matters.
type Names struct {
	Han      float64 `json:"han"`
	Latin    float64 `json:"latin"`
	Cyrillic float64 `json:"cyrillic"`
	Arabic   float64 `json:"arabic"`
	Kana     float64 `json:"kana"`
	Hangul   float64 `json:"hangul"`
	Emoji    float64 `json:"emoji"`
	// Long are names at the length limit, Odd ones hold slashes, quotes,
	// backslashes, outer spaces and combining marks.
	Long float64 `json:"long"`
	Odd  float64 `json:"odd"`
}

// TypicalNames is what a Chinese company with foreign branches looks like.
var TypicalNames = Names{Han: 78, Latin: 12, Cyrillic: 2, Arabic: 1, Kana: 2, Hangul: 2, Emoji: 1, Long: 1, Odd: 1}

const (
	hanSurnames = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭肖田董袁潘于蒋蔡余杜叶程苏魏吕丁沈姚卢姜崔钟谭陆汪范金石廖贾夏韦傅方白邹孟熊秦邱江尹薛"
	// rareSurnames are read differently as surnames than elsewhere.
	rareSurnames = "单曾仇解区查盖朴翟乐任华宓缪纪员黑秘折洗召晟逄尉种隗佴亓逯郗郇麴"
	hanGiven     = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国文辉鹏宇浩然子涵雨欣怡诗琪梓萱一诺思远嘉懿昊天晓东雪梅春燕志远重乐长行"
)

var (
	compoundSurnames = []string{"欧阳", "司马", "上官", "诸葛", "尉迟", "万俟", "长孙", "澹台", "令狐", "皇甫", "慕容", "单于", "夏侯", "公孙",
		"呼延"}

	latinGiven = []string{"Ada", "José", "Zoë", "Łukasz", "Søren", "Nguyễn", "Chloé", "Jürgen", "Ana", "Đặng",
		"Øyvind", "Grace", "Renée", "İbrahim", "Maria", "Jean-Luc"}
	latinFamily = []string{"Lovelace", "García", "Müller", "Wałęsa", "Ångström", "O'Neill", "Văn", "Dvořák", "Çelik",
		"Smith", "Brontë", "Nuñez", "van der Berg", "Šimůnek", "Þórsson", "Groß"}

	cyrillicGiven  = []string{"Иван", "Ольга", "Пётр", "Наталья", "Юрій", "Щербан"}
	cyrillicFamily = []string{"Петров", "Кузнецова", "Щукин", "Ёлкина", "Шевченко", "Їжакевич"}
	arabicGiven    = []string{"محمد", "فاطمة", "أحمد", "عائشة", "خالد"}
	arabicFamily   = []string{"الخطيب", "بن علي", "المصري", "حداد"}
	kanaNames      = []string{"さくら", "たろう", "はなこ", "ヤマダ", "スズキ", "ケンジ", "ゆうき"}
	hangulFamily   = []string{"김", "이", "박", "최", "정", "남궁"}
	hangulGiven    = []string{"민준", "서연", "지호", "하은", "도윤"}
	emojiNames     = []string{"小太阳🌞", "🐼阿宝", "Max 🚀", "👩‍💻 林", "王❤️芳"}
	oddNames       = []string{"A/B 王", `O"Brien "Bob"`, `Back\slash Лев`, "'; DROP TABLE", " 李 雷 ", "100%_match",
		"e\u0301mile", "林\u200d一", "<b>Bold</b>", "{}"}
)

// namer makes names from a stream of random numbers.
type namer struct {
	rng     *rand.Rand
	common  []string
	rare    []string
	given   []string
	weights []float64
	total   float64
	makers  []func() string
}

func newNamer(mix Names, rng *rand.Rand) *namer {
	n := &namer{
		rng: rng, common: strings.Split(hanSurnames, ""), rare: strings.Split(rareSurnames, ""),
		given: strings.Split(hanGiven, ""),
	}
	if mix == (Names{}) {
		mix = TypicalNames
	}
	two := func(a, b []string) func() string {
		return func() string { return n.pick(a) + " " + n.pick(b) }
	}
	n.weights = []float64{mix.Han, mix.Latin, mix.Cyrillic, mix.Arabic, mix.Kana, mix.Hangul, mix.Emoji, mix.Long,
		mix.Odd}
	n.makers = []func() string{
		n.han, two(latinGiven, latinFamily), two(cyrillicGiven, cyrillicFamily), two(arabicGiven, arabicFamily),
		two(kanaNames, kanaNames), func() string { return n.pick(hangulFamily) + n.pick(hangulGiven) },
		func() string { return n.pick(emojiNames) }, n.long, func() string { return n.pick(oddNames) },
	}
	for _, w := range n.weights {
		n.total += w
	}
	return n
}

func (n *namer) pick(list []string) string { return list[n.rng.IntN(len(list))] }

func (n *namer) next() string {
	at := n.rng.Float64() * n.total
	for i, w := range n.weights {
		if at < w {
			return n.makers[i]()
		}
		at -= w
	}
	return n.han()
}

func (n *namer) han() string {
	surname := n.pick(n.common)
	switch x := n.rng.IntN(100); {
	case x < 5:
		surname = n.pick(n.rare)
	case x < 8:
		surname = n.pick(compoundSurnames)
	}
	if n.rng.IntN(3) == 0 {
		return surname + n.pick(n.given)
	}
	return surname + n.pick(n.given) + n.pick(n.given)
}

// long is 60 characters: below WeCom's 64 and DingTalk's 80 (dingtalk.md §3.1).
func (n *namer) long() string {
	var name []string
	for length := 0; length < 60; {
		char := n.pick(n.given)
		name = append(name, char)
		length++
	}
	return strings.Join(name, "")
}

// departmentNames hold nothing that any of the vendors forbids in the name of a
// department (feishu.md §2.2, dingtalk.md §2, wecom.md §2); slashedNames hold
// what only Feishu forbids.
var (
	departmentNames = []string{
		"研发中心", "Sales", "财务部", "人力资源", "Platform", "市场部", "Vertrieb Süd", "客户成功", "Legal",
		"质量保证", "Отдел продаж", "営業部", "Operations", "数据智能", "R&D (海外)", "供应链", "Design Studio", "总裁办",
	}
	slashedNames = []string{"Sales/Marketing", "研发/测试", "A/B/C"}
)
