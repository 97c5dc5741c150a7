package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
)

// app is what a vendor's app may see, and what kind it is. The zero value is one that
// may see all, called from anywhere; at WeCom one that was created today.
type app struct {
	// Without are permissions that the app lacks: Feishu's scopes, DingTalk's points.
	Without []string `json:"without,omitempty" name:"without" placeholder:"PERMISSION" help:"A permission to take from the app: a scope of Feishu or a permission point of DingTalk."`
	// TrustedIPs, if there are any, are the only callers let in.
	TrustedIPs []string `json:"trusted_ips,omitempty" name:"trusted-ip" placeholder:"ADDRESS" help:"An address from which the app may be used; all others are then refused."`
	// OldApp and OldSyncAddress are WeCom's: an app from before 2022-06-20, which sees
	// e-mail and phone, and a contact sync secret from an address that reads everything.
	OldApp         bool `json:"old_app,omitempty" name:"old-app" help:"WeCom: an app from before 2022-06-20, which sees e-mail addresses and phone numbers."`
	OldSyncAddress bool `json:"old_sync_address,omitempty" name:"old-sync-address" help:"WeCom: the contact sync secret reads everything, as from an address used before 2022-08-15."`
	// HiddenLeavers is Feishu's: somebody who left is out of range, and not shown as resigned.
	HiddenLeavers bool `json:"hidden_leavers,omitempty" name:"hidden-leavers" help:"Feishu: a lookup of somebody who has left answers \"out of range\" (41050) instead of \"resigned\"."`
}

// Validate refuses addresses that are none: they would let nobody in.
func (a app) Validate() error {
	for _, ip := range a.TrustedIPs {
		if _, err := netip.ParseAddr(ip); err != nil {
			return fmt.Errorf("--trusted-ip is %q, which is not an IP address", ip)
		}
	}
	return nil
}

// onlyOf refuses what only another vendor's app has.
func (a app) onlyOf(vendor string) error {
	switch {
	case vendor != wecomName && (a.OldApp || a.OldSyncAddress):
		return errors.New("old_app and old_sync_address are kinds of app that only WeCom has")
	case vendor != feishuName && a.HiddenLeavers:
		return errors.New("hidden_leavers is a behaviour that only Feishu has")
	}
	return nil
}

// change puts other settings in the place of the vendor's.
func (s *service) change(a app) error {
	if err := a.Validate(); err != nil {
		return err
	}
	if err := s.setApp(a); err != nil {
		return err
	}
	s.app = a
	return nil
}

// apps are the settings of each vendor that the command line asks for: what is said of
// all goes to those that know it.
func (f serve) apps() map[string]app {
	apps := map[string]app{
		feishuName:   {TrustedIPs: f.TrustedIPs, HiddenLeavers: f.HiddenLeavers},
		dingtalkName: {TrustedIPs: f.TrustedIPs},
		wecomName:    {TrustedIPs: f.TrustedIPs, OldApp: f.OldApp, OldSyncAddress: f.OldSyncAddress},
	}
	for _, permission := range f.Without {
		name := feishuName // which refuses what nobody knows
		if slices.Contains(dingtalk.AllPoints, permission) && !slices.Contains(feishu.AllScopes, permission) {
			name = dingtalkName
		}
		a := apps[name]
		a.Without = append(a.Without, permission)
		apps[name] = a
	}
	return apps
}

// appRequest replaces a vendor's settings: what it does not name is as in the zero
// value. Settings do not outlive the process.
type appRequest struct {
	Vendor string `json:"vendor"`
	app
}

func (c *control) setApp(r *http.Request) (any, error) {
	var in appRequest
	if err := read(r, &in); err != nil {
		return nil, err
	}
	s, err := c.one(in.Vendor)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return in, s.change(in.app)
}

// apps are the settings of each vendor's app, and the permissions that can be taken away.
func (c *control) apps(r *http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	type shown struct {
		app
		Permissions []string `json:"permissions"`
	}
	known := map[string][]string{feishuName: feishu.AllScopes, dingtalkName: dingtalk.AllPoints, wecomName: {}}
	list, err := c.of(r.FormValue("vendor"))
	if err != nil {
		return nil, err
	}
	out := map[string]shown{}
	for name, s := range list {
		out[name] = shown{s.app, known[name]}
	}
	return out, nil
}
