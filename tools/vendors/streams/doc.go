// Package streams lets Lark's and DingTalk's own clients read the streams of our simulators. It is a module of its
// own, apart from that of tools/vendors, since not every module proxy has these clients.
package streams
