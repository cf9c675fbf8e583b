package register_test

import (
	"testing"

	"pingrotate/internal/register"
)

func TestAMintThatWasOnlyFoundIsNotTheEmergencys(t *testing.T) {
	e := &register.Emergency{ID: "e", Mark: 3}
	m := register.Minted{Fingerprint: "f1", Announced: 4}
	if !e.After(m, "f1") {
		t.Error("a mint that was announced after the mark and answered does not count")
	}
	if m.Found = true; e.After(m, "f1") {
		t.Error("a mint that was only found counts: another's request may have made it, before the mark")
	}
}

func TestTheSecretBeforeAMintIsSuperseded(t *testing.T) {
	i := register.Item{}.Announce(register.Intent{Act: register.Mint, Application: key.ID, Before: "f0"}, 1, noon).Minted(key.ID, "f1", noon)
	if !i.Superseded(key.ID, "f0") {
		t.Error("a view that shows the secret before the mint would be believed")
	}
}
