// Package deploy tests the files that operators install orgsync with as far as that
// can be done without a container engine or a cluster: they are read strictly by
// the libraries that docker compose and kubectl read them with, what they name must
// exist, and the image's programs are built by the image's own commands.
package deploy
