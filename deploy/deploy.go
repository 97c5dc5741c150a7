// Package deploy holds what operators install orgsync with: the files beside this
// one. Go code knows only those of them that tests run.
package deploy

import _ "embed"

// Roles makes the database roles of an installation: sql/roles.sql.
//
//go:embed sql/roles.sql
var Roles string
