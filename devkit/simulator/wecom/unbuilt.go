package wecom

// unbuilt are the calls with a corp's own token that WeCom has and this service does not,
// with the arrays that it sends empty with errors. They answer as WeCom does to a
// credential that may not make them, whatever it is; unknown paths are 404 with an empty
// body (wecom.md §1.1, §1.4, §3.1, §4, §6, §7; wecom-more.md).
var unbuilt = map[string][]string{
	"user/getuserid": nil, "user/get_userid_by_email": nil, "user/convert_to_openid": nil,
	"user/convert_to_userid":     nil,
	"batch/openuserid_to_userid": {"userid_list", "invalid_open_userid_list"},
	"batch/userid_to_openuserid": {"open_userid_list", "invalid_userid_list"},
	"export/simple_user":         nil, "export/user": nil, "export/department": nil, "export/taguser": nil,
	"export/get_result":                   {"data_list"},
	"externalcontact/get_unassigned_list": {"info"},
	"user/getuserinfo":                    nil,
	"user/list_member_auth":               {"member_auth_list"},
	"getcallbackip":                       {"ip_list"}, "get_api_domain_ip": {"ip_list"},
	"user/create": nil, "user/update": nil, "user/delete": nil, "user/batchdelete": nil,
	"department/create": nil, "department/update": nil, "department/delete": nil,
	"tag/create": nil, "tag/update": nil, "tag/delete": nil, "tag/addtagusers": nil, "tag/deltagusers": nil,
	"batch/syncuser": nil, "batch/replaceuser": nil, "batch/replaceparty": nil, "batch/getresult": {"result"},
}

// handlerOf finds an endpoint; those that are not built refuse every credential with
// "this credential may not" (wecom.md §5.2).
func handlerOf(endpoint string) (h handler, known bool) {
	if h, known = handlers[endpoint]; known {
		return h, true
	}
	arrays, known := unbuilt[endpoint]
	return handler{arrays: arrays, app: 48002, contact: 48002, always: true}, known
}
