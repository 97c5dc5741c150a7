package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/message"
)

func TestFieldProblemsAreInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	require.Equal(t, "must be one of: apply, plan",
		fieldText(message.English, `expected value to be one of "apply, plan"`))
	require.Equal(t, "不得小于 1", fieldText(message.Chinese, "expected number >= 1"))
	require.Equal(t, "the field name is missing",
		fieldText(message.English, "expected required property name to be present"))
	require.Equal(t, "must be a UUID",
		fieldText(message.English, "expected string to be RFC 4122 uuid: invalid UUID\nlength: 3"))
	require.Equal(t, "不符合 API 文档：odd", fieldText(message.Chinese, "odd"))
	for _, one := range fieldProblems {
		for _, l := range message.Languages {
			code := message.Code("field." + one.code)
			require.NotEqual(t, string(code), l.Text(code, message.Args{"Value": "1"}), l)
		}
	}
}
