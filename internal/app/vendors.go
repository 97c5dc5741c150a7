package app

import (
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/dingtalk"
	"github.com/orgsync/orgsync/internal/provider/feishu"
	"github.com/orgsync/orgsync/internal/provider/wecom"
)

// Vendors are all kinds of provider that this build can read.
func Vendors() map[directory.ProviderType]provider.Vendor {
	return map[directory.ProviderType]provider.Vendor{
		directory.Feishu:   feishu.Vendor,
		directory.DingTalk: dingtalk.Vendor,
		directory.WeCom:    wecom.Vendor,
	}
}
