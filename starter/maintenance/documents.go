package maintenance

// What these commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

// KeysetFile is a key set that was written.
type KeysetFile struct {
	File string `json:"file"`
}

// Resealed is how many secrets were sealed anew.
type Resealed struct {
	Secrets int `json:"secrets_resealed"`
}

// PrunedKeyset is a key set without its old keys.
type PrunedKeyset struct {
	File    string `json:"file"`
	Removed int    `json:"keys_removed"`
}

// MigrationStatus tells how far a database is.
type MigrationStatus struct {
	Current int32    `json:"current"`
	Target  int32    `json:"target"`
	Pending []string `json:"pending"`
}

// Migrated is how far a database is now, and what was applied to get there.
type Migrated struct {
	MigrationStatus
	// Applied are the migrations that this command applied.
	Applied []string `json:"applied"`
}
