// Package providertest holds the conformance suite of the provider clients: each
// walks whole simulated companies the way the engine does, in fair weather and
// under every fault the simulators know, and must arrive at the company's truth
// or say that it did not. It consists of tests only and exports nothing.
package providertest
