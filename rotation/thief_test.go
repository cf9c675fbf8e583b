package rotation_test

import (
	"slices"

	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A thief holds the leaked secret, and may write the managed secret: store versions and
// move labels. The product is not to blame for AWSCURRENT right after a thief's act, but is
// from its own next move on.
type thief struct {
	first string // the version that AWSCURRENT was on when the play began
	text  string // what that holds
	put   string // the version that the thief has made AWSCURRENT, as long as it is that
}

// thefts are what a thief does, by name.
var thefts = map[string]func(*staging){
	"moves AWSCURRENT back": func(p *staging) {
		if p.w.sm.VersionID(orders, "AWSCURRENT") != p.thief.first {
			p.steal(p.thief.first)
			p.w.move("AWSCURRENT", p.thief.first)
		}
	},
	"stores what has leaked": func(p *staging) { p.plant(p.thief.text, "AWSCURRENT") },
	"stores a made-up secret": func(p *staging) {
		d := p.w.stored("AWSCURRENT")
		d["clientSecret"] = "made-up"
		p.plant(encode(d), "AWSCURRENT")
	},
	"stores what has leaked as PINGROTATE-HEAL": func(p *staging) { p.plant(p.thief.text, "PINGROTATE-HEAL") },
	"stores a made-up secret as AWSPENDING": func(p *staging) {
		d := p.w.stored("AWSCURRENT")
		d["clientSecret"] = "made-up"
		p.plant(encode(d), "AWSPENDING")
	},
	"takes AWSPENDING away":      func(p *staging) { p.untag("AWSPENDING") },
	"takes PINGROTATE-HEAL away": func(p *staging) { p.untag("PINGROTATE-HEAL") },
	"uses what has leaked": func(p *staging) {
		leaked := p.w.credential(parseHeld(p.thief.text).secret)
		leaked.ClientID = parseHeld(p.thief.text).client
		client := pingone.Client{HTTP: p.w.rotator.PingOne.HTTP}
		_, _ = client.Token(p.w.t.Context(), leaked, "") // whether it still works or not
	},
}

// steals returns an actor that does these acts one after another, each at any moment.
func steals(acts ...string) func(*world) [][]byte {
	return func(*world) (all [][]byte) {
		for _, a := range acts {
			if thefts[a] == nil {
				panic("no theft: " + a)
			}
			all = append(all, []byte(a))
		}
		return all
	}
}

// steal records that AWSCURRENT is on a version because of the thief.
func (p *staging) steal(version string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.thief.put = version
}

// stolen reports whether AWSCURRENT still is where the thief put it.
func (p *staging) stolen() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.thief.put != p.w.sm.VersionID(orders, "AWSCURRENT") {
		p.thief.put = ""
	}
	return p.thief.put != ""
}

// plant stores a version under a label.
func (p *staging) plant(text, label string) {
	token := rotation.NewToken()
	if label == "AWSCURRENT" {
		p.steal(token)
	}
	_, err := p.w.rotator.Secrets.PutSecretValue(p.w.t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(orders), ClientRequestToken: &token, SecretString: &text, VersionStages: []string{label},
	})
	if err != nil {
		p.w.t.Errorf("a thief stores a version: %v", err)
	}
}

// untag takes a label off the version that has it, if any.
func (p *staging) untag(label string) {
	from := p.w.sm.VersionID(orders, label)
	if from == "" {
		return
	}
	_, err := p.w.rotator.Secrets.UpdateSecretVersionStage(p.w.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(orders), VersionStage: &label, RemoveFromVersionId: &from,
	})
	if err != nil {
		p.w.t.Errorf("a thief takes a label away: %v", err)
	}
}

// duelsWithThieves are emergencies with a thief among the actors.
var duelsWithThieves = []duel{
	{name: "a swift emergency, and a thief who moves AWSCURRENT back", actors: actors{swift, steals("moves AWSCURRENT back", "moves AWSCURRENT back", "uses what has leaked")}},
	{name: "a swift emergency, a thief who stores what leaked, and an audit", actors: actors{swift, steals("stores what has leaked", "stores a made-up secret"), audited}},
	{name: "a swift emergency, a rotation, and a thief who takes labels away", before: begun,
		actors: actors{swift, scheduled, steals("takes AWSPENDING away", "takes PINGROTATE-HEAL away", "moves AWSCURRENT back")}},
	{name: "a swift emergency, and a thief who stores under our labels", actors: actors{swift, steals("stores what has leaked as PINGROTATE-HEAL", "stores a made-up secret as AWSPENDING", "stores a made-up secret")}},
	{name: "a swift emergency and a thief, alternating", opts: []option{alternate}, before: flippedBack, actors: actors{swift, steals("moves AWSCURRENT back", "stores what has leaked")}},
	{name: "a swift emergency and a thief, two managed secrets of one client", copied: heldTwice, actors: actors{swift, steals("moves AWSCURRENT back", "stores a made-up secret")}},
	{name: "an emergency to contain, and a thief who moves AWSCURRENT back", contain: true, actors: actors{contains, steals("moves AWSCURRENT back", "moves AWSCURRENT back", "uses what has leaked")}},
	{name: "an emergency to contain, a thief who stores what leaked, and an audit", contain: true, actors: actors{contains, steals("stores a made-up secret", "stores what has leaked"), audited}},
	{name: "an emergency to contain and a thief, alternating", contain: true, opts: []option{alternate}, before: flippedBack, actors: actors{contains, steals("moves AWSCURRENT back", "stores what has leaked")}},
}

// containsCopy is an emergency of the other managed secret of the client.
var containsCopy = event(`{"action":"rotate","secretId":%q,"emergency":"contain","clientRequestToken":%q}`, copyName, secondToken)

func init() {
	duels = append(duels, duel{name: "two emergencies of one client, swift and contain, of two managed secrets", copied: heldTwice, actors: actors{swift, containsCopy}, faults: 1, stale: 1, leak: true, contain: true, mints: 5})
	for _, d := range duelsWithThieves {
		d.leak, d.faults, d.stale, d.mints = true, 1, 1, 4
		if len(d.opts) > 0 {
			d.mints = 7
		}
		duels = append(duels, d)
	}
	duels = slices.Clip(duels)
}
