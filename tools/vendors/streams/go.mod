// A module of its own, since not every module proxy has these clients.
module github.com/orgsync/orgsync/tools/vendors/streams

go 1.26.0

require (
	github.com/larksuite/oapi-sdk-go/v3 v3.2.2
	github.com/open-dingtalk/dingtalk-stream-sdk-go v0.9.1
	github.com/orgsync/orgsync v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/coder/websocket v1.8.15 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/gorilla/websocket v1.5.3 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/orgsync/orgsync => ../../..
