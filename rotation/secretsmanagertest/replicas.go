package secretsmanagertest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// The states of a replica.
const (
	InSync     = "InSync"
	InProgress = "InProgress"
	Failed     = "Failed"
)

// replicaStatus is the API's ReplicationStatusType. No replica is ever read here, so none
// has a LastAccessedDate.
type replicaStatus struct {
	Region, KmsKeyId, Status string
	StatusMessage            string `json:",omitempty"`
}

// SetReplica gives the secret a replica in a region, or the replica there another
// state.
func (s *Server) SetReplica(name, region, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.must(name)
	switch {
	case !slices.Contains([]string{InSync, InProgress, Failed}, status):
		s.journal.Misusef("secretsmanagertest: replicate %s: no replica is %q", name, status)
	case region == "" || region == sec.region():
		s.journal.Misusef("secretsmanagertest: replicate %s: there can be no replica in region %q", name, region)
	}
	if sec.replicas == nil {
		sec.replicas = map[string]string{}
	}
	sec.replicas[region], sec.changed = status, s.Now()
}

// LagReplicas makes replication take time: from now on, each change of a secret's versions
// or labels, whoever makes it, leaves its replicas that are InSync InProgress for this
// long. Zero, the default, replicates at once.
func (s *Server) LagReplicas(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replicaLag = d
}

// region returns the primary Region, in which the secret can be written.
func (sec *secret) region() string { return strings.Split(sec.arn, ":")[3] }

// replication describes the replicas at a time, sorted by region.
func (sec *secret) replication(now time.Time) []replicaStatus {
	var all []replicaStatus
	for _, region := range slices.Sorted(maps.Keys(sec.replicas)) {
		r := replicaStatus{Region: region, KmsKeyId: "alias/aws/secretsmanager", Status: sec.replicas[region]}
		if r.Status == InSync && now.Before(sec.replicated) {
			r.Status = InProgress
		}
		switch r.Status {
		case InSync:
			r.StatusMessage = msgReplicated
		case Failed:
			r.StatusMessage = msgReplicaFailed
		}
		all = append(all, r)
	}
	return all
}
