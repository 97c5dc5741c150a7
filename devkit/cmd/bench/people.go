package main

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// insertionOfRows is how long inserting people took, in seconds.
type insertionOfRows struct {
	Without float64 `json:"without_search_s"`
	With    float64 `json:"with_search_s"`
}

// searchIndex is what one index of people search costs.
type searchIndex struct {
	Name    string  `json:"name"`
	MB      int64   `json:"mb"`
	Seconds float64 `json:"build_s"`
}

// Family names with their pinyin, the commonest first, and characters of given names.
const (
	familyNames = "王wang 李li 张zhang 刘liu 陈chen 杨yang 黄huang 赵zhao 吴wu 周zhou 徐xu 孙sun 马ma 朱zhu 胡hu 郭guo 何he " +
		"高gao 林lin 罗luo 郑zheng 梁liang 谢xie 宋song 唐tang 许xu 邓deng 冯feng 韩han 曹cao 曾zeng 彭peng 肖xiao 蔡cai 潘pan"
	givenNames = "伟wei 芳fang 娜na 敏min 静jing 丽li 强qiang 磊lei 军jun 洋yang 勇yong 艳yan 杰jie 涛tao 明ming 超chao 秀xiu 霞xia " +
		"平ping 刚gang 桂gui 英ying 华hua 玉yu 萍ping 红hong 建jian 文wen 志zhi 国guo 春chun 海hai 燕yan 雪xue 飞fei 鹏peng 宇yu " +
		"浩hao 晨chen 欣xin 怡yi 佳jia 梦meng 子zi 思si 雨yu 俊jun 博bo 凯kai 琳lin 婷ting 颖ying 倩qian 莉li 龙long 辉hui 波bo 斌bin"
)

// split returns characters and their pinyin.
func split(names string) (characters, pinyin []string) {
	for _, name := range strings.Fields(names) {
		character := string([]rune(name)[:1])
		characters, pinyin = append(characters, character), append(pinyin, strings.TrimPrefix(name, character))
	}
	return characters, pinyin
}

const insertDepartments = `
INSERT INTO org_departments (provider_id, external_id, parent_id, name, path)
SELECT p.id, n::text, NULL, 'Department ' || n, 'Department ' || n
FROM identity_providers p, generate_series(1, greatest($1::int / 30, 1)) n`

// insertPeople spreads people over departments. A third of the family names have two thirds of
// the people, and a given name has one or two characters.
const insertPeople = `
INSERT INTO org_members (provider_id, external_id, name, name_translit_full, name_translit_initial, email, phone,
    employee_no, department_id, department_path, raw_data)
SELECT d.provider_id, 'u-' || n, f || a || b, fp || ap || bp, left(fp, 1) || left(ap, 1) || left(bp, 1),
    fp || '.' || n || '@example.com', '+86138' || lpad(n::text, 8, '0'), 'E' || lpad(n::text, 7, '0'), d.id, d.path,
    jsonb_build_object('userid', 'u-' || n, 'name', f || a || b, 'padding', repeat('x', 300))
FROM generate_series(1, $1::int) n
CROSS JOIN LATERAL (SELECT hashint4(n)::bigint + 2147483648 AS h) r
CROSS JOIN LATERAL (SELECT 1 + ((h % 1000) * (h % 1000) * cardinality($2::text[]) / 1000000)::int AS fi,
    1 + ((h / 1000) % cardinality($4::text[]))::int AS ai, ((h / 100000) % (cardinality($4::text[]) * 3 / 2))::int AS bi) i
CROSS JOIN LATERAL (SELECT ($2::text[])[fi] AS f, ($3::text[])[fi] AS fp, ($4::text[])[ai] AS a, ($5::text[])[ai] AS ap,
    coalesce(($4::text[])[bi], '') AS b, coalesce(($5::text[])[bi], '') AS bp) w
JOIN org_departments d ON d.external_id = (1 + n % greatest($1::int / 30, 1))::text`

// fill stores a company, first without the indexes of people search and then with them.
func fill(ctx context.Context, pool *pgxpool.Pool, members int) (took insertionOfRows, costs []searchIndex, err error) {
	families, familyPinyin := split(familyNames)
	given, givenPinyin := split(givenNames)
	insert := func() (float64, error) {
		began := time.Now()
		_, err := pool.Exec(ctx, insertPeople, members, families, familyPinyin, given, givenPinyin)
		return time.Since(began).Seconds(), err
	}
	if _, err = pool.Exec(ctx, insertDepartments, members); err != nil {
		return took, nil, err
	}
	rows, err := pool.Query(ctx, `SELECT indexname::text, indexdef FROM pg_indexes
		WHERE tablename = 'org_members' AND indexname LIKE 'org_members_by_%' ORDER BY 1`)
	if err != nil {
		return took, nil, err
	}
	type index struct{ Name, Definition string }
	indexes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[index])
	if err != nil {
		return took, nil, err
	}
	for _, i := range indexes {
		if _, err = pool.Exec(ctx, "DROP INDEX "+i.Name); err != nil {
			return took, nil, err
		}
	}
	if took.Without, err = insert(); err != nil {
		return took, nil, err
	}
	for _, i := range indexes {
		cost := searchIndex{Name: i.Name}
		began := time.Now()
		if _, err = pool.Exec(ctx, i.Definition); err != nil {
			return took, nil, err
		}
		cost.Seconds = time.Since(began).Seconds()
		err = pool.QueryRow(ctx, "SELECT pg_relation_size($1::text::regclass) / 1000000", i.Name).Scan(&cost.MB)
		if err != nil {
			return took, nil, err
		}
		costs = append(costs, cost)
	}
	if _, err = pool.Exec(ctx, "TRUNCATE org_members CASCADE"); err != nil {
		return took, nil, err
	}
	if took.With, err = insert(); err != nil {
		return took, nil, err
	}
	for _, sql := range []string{
		`INSERT INTO org_member_departments (member_id, department_id, is_primary)
			SELECT id, department_id, true FROM org_members`,
		"VACUUM ANALYZE",
	} {
		if _, err = pool.Exec(ctx, sql); err != nil {
			return took, nil, err
		}
	}
	return took, costs, nil
}
