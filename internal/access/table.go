package access

// Who may do an operation.
var (
	admins    = []Role{Admin}
	operators = []Role{Operator, Admin}
	readers   = []Role{Reader, Operator, Admin}
	apps      = []Role{App, Admin}
)

// Table is the one table of who may do what, by the operation's id in the API.
var Table = map[Operation]Rule{
	"list-providers":    {readers, Listed},
	"create-provider":   {admins, Tenant},
	"get-provider":      {readers, One},
	"update-provider":   {admins, One},
	"delete-provider":   {admins, One},
	"test-provider":     {operators, One},
	"preview-provider":  {operators, One},
	"get-installation":  {operators, One},
	"make-install-link": {admins, One},

	"get-rules":    {operators, One},
	"set-rules":    {admins, One},
	"delete-rules": {admins, One},

	"get-events":    {operators, One},
	"set-events":    {admins, One},
	"delete-events": {admins, One},
	"retry-events":  {operators, One},

	"start-run":       {operators, One},
	"get-schedule":    {operators, One},
	"set-schedule":    {operators, One},
	"delete-schedule": {operators, One},

	"list-runs":            {operators, Listed},
	"get-run":              {operators, One},
	"list-run-changes":     {operators, One},
	"list-run-departments": {operators, One},
	"list-run-removals":    {operators, One},
	"list-run-errors":      {operators, One},
	"follow-run":           {operators, One},
	"decide-run":           {operators, One},
	"undo-run":             {operators, One},
	"retry-run":            {operators, One},
	"cancel-run":           {operators, One},

	"list-departments":        {readers, One},
	"get-department":          {readers, One},
	"list-child-departments":  {readers, One},
	"list-department-members": {readers, One},
	"list-members":            {readers, Listed},
	"get-member":              {readers, One},
	"list-member-history":     {readers, One},
	"list-groups":             {readers, Listed},
	"list-group-members":      {readers, One},
	"list-administrators":     {readers, Listed},

	"set-offline":          {operators, One},
	"delete-offline":       {operators, One},
	"set-signature":        {admins, One},
	"delete-signature":     {admins, One},
	"set-administrator":    {admins, One},
	"delete-administrator": {admins, One},

	"list-account-conflicts":  {operators, Listed},
	"get-account-conflict":    {operators, One},
	"decide-account-conflict": {admins, One},

	"resolve-login":  {apps, One},
	"exchange-login": {apps, Listed},

	"list-changes": {readers, Listed},

	"list-webhooks":           {operators, Listed},
	"create-webhook":          {admins, One},
	"get-webhook":             {operators, One},
	"update-webhook":          {admins, One},
	"delete-webhook":          {admins, One},
	"list-webhook-deliveries": {operators, One},
	"resume-webhook":          {operators, One},
	"test-webhook":            {operators, One},

	"list-tokens":  {admins, Listed},
	"create-token": {admins, One},
	"revoke-token": {admins, One},
	"list-audit":   {admins, Listed},
}
