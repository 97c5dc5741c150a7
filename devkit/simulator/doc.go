// Package simulator is the make-believe company behind the simulated Feishu,
// DingTalk and WeCom services: its people and departments, how they change over
// time, and what all three services share: scripted faults, call counters,
// tokens, quotas. The subpackages speak each vendor's wire format.
//
// It is the other side of the wire: it shares nothing with the provider clients
// and must not import them, else one mistake would hide another.
//
// Everything is deterministic: the same Spec makes the same company with the same
// ids, the same Drift seed changes it in the same way, and lists whose order
// the vendors leave open come shuffled, but always in the same way.
package simulator
