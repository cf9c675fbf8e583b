"""The protocol: what each actor does, call by call, and the one pure decision under the lease.

Programs    S the four steps (twice: a duplicate invocation), P the same for a second managed secret of the client, H a manual rotation,
            A an audit, E and K an emergency (swift, contain), F a run that completes one, R a rollback, D a run with the table out of reach.
Environment L the item is lost, T the table is, Q an old copy of the item comes back, X the application is disabled for a while,
            B `verify` breaks for good, N the admin loses its right to the application's secrets, Y the register believes in a mint that
            there was not, W a person stores the document again, V a person regenerates without retention and stores the
            result, G a console regenerates and retains, M a person moves AWSCURRENT back to AWSPREVIOUS.
A program may die before and after each call, be slower than its lease, and lose the answer to each replace of the register.
"""
from itertools import product
from world import (Absent, EMERGENCY, End, MANUAL, Mint, Move, NEVER, Register, ROTATION, SECOND_EMERGENCY, SPARES,
                   alive, answers, application, apply, arrivals, current, hours, is_current, judge, label, move, note, previous, put,
                   put_version, regenerate, settle, write)

RULES = {
    'fence': 'the intent is written by compare-and-swap just before the act: a run that was overtaken stops',
    'nonce': 'a nonce for every replace, not for every writer',
    'wait': 'an intent without outcome delays the next act by 45 s',
    'end-waits': 'for a DELETE, the whole 45 s: a missing previous secret does not show that the request is spent',
    'previous-shows': 'for a mint, until PingOne shows the secret before it as previous, otherwise the whole 45 s',
    'contain-waits': 'contain waits too, if the intent is an emergency\'s or the item was absent',
    'contain-once': 'once its own mint was answered, contain continues as swift: a late rotation may have displaced that mint',
    'absent-waits': 'with an absent item, the first act waits as for an intent',
    'mark-unknown': 'a mark written into an absent item leaves it as unknown as it was',
    'superseded': 'a view that the register knows to be superseded is stale: look again',
    'forget': 'that AWSCURRENT left a version makes a look stale for only 45 s: it may have come back',
    'drift-waits': 'AWSCURRENT in neither slot is drift only after looks over 45 s agree; before that it is a stale read',
    'base': 'AWSCURRENT moves only from the version that was judged',
    'current-only': 'AWSCURRENT moves only to what PingOne shows as current; a token from one node is not enough',
    'rollback-current': 'the same for a rollback',
    'ours': 'a twin\'s mint that the register knows to be this rotation\'s is adopted, whatever AWSPREVIOUS holds',
    'unlabel': 'the audit removes AWSPENDING from any version that no rotation can be finishing, including a twin\'s unused mint',
    'offline': 'with the table out of reach AWSCURRENT moves only where PingOne shows its secret as previous, to the current one',
    'long-fuse': 'the previous secret expires long after its grace, so that audits come first',
    'before-death': 'AWSCURRENT on a previous secret near its end is promoted, whatever `verify` says',
    'disabled-too': 'for a disabled application too: PingOne\'s view is enough there, and no token is requested',
    'recorded': 'where PingOne hides its view from the admin, an audit moves AWSCURRENT from a secret near its end to the recorded mint',
    'yields': 'the register believes a view that contradicts it for an hour',
    'grace': 'an audit ends a previous secret only when the grace since the recorded promotion is over',
    'others': 'nothing is minted or ended while another managed secret of the client is not on PingOne\'s current secret',
    'known-others': 'the list of a client\'s managed secrets survives the loss of the item',
    'serve': 'an emergency promotes in every managed secret of the client',
    'adopt-first': 'swift promotes PingOne\'s current secret before it regenerates',
    'answered': 'only a mint whose answer an emergency itself has recorded counts as minted after the command',
    'add-mark': 'a command given while an emergency is open adds its own mark: what is accepted now must die too',
    'evidence': 'an open emergency is also an evidence row: a run that finds the item absent restores it from there',
}
VERSION = {'S': ROTATION, 'P': ROTATION, 'H': MANUAL, 'E': EMERGENCY, 'K': EMERGENCY, 'F': SECOND_EMERGENCY}
EMERGENCIES, ROTATIONS = 'EKF', 'SPH'
LATE, LIMIT = 2, 9                                # late requests at once; mints that no configuration should need


class Protocol:
    def __init__(self, without=(), timed=False, calm=False, abandons=True):
        self.rules = frozenset(RULES) - set(without)
        self.timed, self.calm, self.abandons = timed, calm, abandons     # calm: no one dies, nothing is late or lost

    def has(self, rule): return rule in self.rules

    def successors(self, w):
        out = []
        live = [(i, kind, phase) for i, (kind, phase, _) in enumerate(w.actors) if phase]
        if not self.calm and not self.hurried(w):
            r = w.register
            if r.holder is not None and not r.expired or w.older or any(w.stale) or w.late or w.disabled == 2:
                out += [note(self.forget(v), expired=r.holder is not None) for v in settle(w, self.timed)]
            elif self.timed and all(phase in ('start', 'mark') for _, _, phase in live):
                out += [hours(w, burns, self.has('long-fuse'), self.has('yields')) for burns in (False, True)]
        out += arrivals(w, self.timed)
        for i, kind, phase in live:
            def go(phase, memory=None, world=w, i=i, kind=kind):
                out.append(world._replace(actors=put(world.actors, i, (kind, phase, memory))))
            memory = w.actors[i][2]
            if kind in 'LTQXBWVGMNY': self.environment(w, kind, phase, memory, go); continue
            if not self.calm: go(None)                                   # dies
            if kind == 'D' and phase == 'start': self.outage(w, go)
            else: getattr(self, phase)(w, i, kind, memory, go)
        return out

    def hurried(self, w):
        """No program pauses for 45 s between its last look at the clock and its send, nor does a person between regenerating and storing."""
        return any(phase == 'send' and kind != 'D' or phase == 'storing' for kind, phase, _ in w.actors)

    def forget(self, w): return note(w, left=()) if self.has('forget') else w
    def mine(self, w, i): return w.register.holder == i and not w.register.expired

    def release(self, w, i, **changes):
        return note(w, holder=None, expired=False, intent=None, **changes) if w.register.holder == i else w

    def over(self, w, kind):
        """An audit that finished counts, if a fuse was short."""
        return w._replace(audited=True) if kind == 'A' and self.timed and any(w.fuse_short) else w

    def environment(self, w, kind, phase, memory, go):
        r, s = w.register, w.stores[0]
        if kind == 'L':
            go(None, None, judge(w._replace(register=Register(emergency=r.emergency if self.has('evidence') else None,
               stores=r.stores if self.has('known-others') else (), absent=True)), lost=True))
        elif kind == 'T': go(None, None, judge(w._replace(register=Register(absent=True)), lost=True))
        elif kind == 'Q': go(None, None, judge(w._replace(register=Register(newest=(0, NEVER), stores=r.stores)), excuse='restored'))
        elif kind == 'X':
            if phase == 'start': go('disabled', None, w._replace(disabled=1))
            else: go(None, None, w._replace(disabled=2))
        elif kind == 'B': go(None, None, w._replace(unverifiable=True))
        elif kind == 'N':
            # Before a mint is recorded and stored, nothing helps: no one else has the secret.
            newest = current(w.apps, label(w, 0))
            known = newest == label(w, 0) or newest in s.secrets and r.minted == (newest, 0)
            if known and not any(isinstance(request, Mint) for request in w.late): go(None, None, w._replace(hidden=True))
        elif kind == 'Y': go(None, None, note(w, newest=tuple(n + 2 if n != NEVER else n for n in r.newest)))
        elif kind == 'W':
            spare = self.spare(w, 0)
            if spare: go(None, None, move(put_version(w, 0, spare, label(w, 0), self.abandons), 0, spare))
        elif kind == 'V':
            if phase == 'start':
                v = regenerate(w, application(label(w, 0)), False)
                go('storing', current(v.apps, label(w, 0)), judge(v, excuse='replaced'))
            else:
                spare = self.spare(w, 0)
                if spare: go(None, None, move(put_version(w, 0, spare, memory, self.abandons), 0, spare))
        elif kind == 'G':
            acts = {type(m) if p in ('intend', 'readback', 'send') else p for _, p, m in w.actors if p} | {type(r) for r in w.late}
            window = 'mint' if label(w, 0) in [a[1] for a in w.apps if a] else 'look' if acts & {'decide', Mint, End} else 'lag'
            for a in (0, 1):
                if w.apps[a]: go(None, None, judge(regenerate(w, a, True), excuse=window if a == application(label(w, 0)) else 'twin'))
        elif s.previous not in (None, s.current) and s.secrets[s.previous] is not None:
            go(None, None, judge(move(w, 0, s.previous), excuse='moved'))

    def spare(self, w, store):
        s = w.stores[store]
        return next((v for v in SPARES if v != s.current and s.secrets[v] is None), None)

    def looks(self, w):
        """What reads may show: each store now or before its last write, PingOne now or before."""
        stores = product(*[(now, old) if old else (now,) for now, old in zip(w.stores, w.stale)])
        return [(s, apps) for s in stores for apps in (w.apps,) + w.older]

    # -- the phases of a program ------------------------------------------------------------------------------------------------------

    def mark(self, w, i, kind, memory, go):
        """An emergency first writes its mark, with what it sees then."""
        how = 'contain' if kind == 'K' else 'swift'
        def marks(stores, apps):
            held = {z for pair in apps if pair for z in pair if z is not None} | {s.secrets[s.current] for s in stores}
            return tuple(sorted(held)), w.mints, how
        def add(old, new):
            if old is None: return new
            return tuple(sorted(set(old[0]) | set(new[0]))), max(old[1], new[1]), 'contain' if 'contain' in (old[2], new[2]) else 'swift'
        if w.truth.ended: go(None); return                               # the other command has ended everything
        truth = marks(w.stores, w.apps)
        for new in {marks(stores, apps) for stores, apps in self.looks(w)}:
            opened = w.register.emergency
            both = add(opened, new) if self.has('add-mark') else opened or new
            v = note(w, emergency=both, after=w.register.after if both == opened else (), absent=w.register.absent and self.has('mark-unknown'))
            go('start', None, judge(v, command=add(w.truth.command, truth)))

    def start(self, w, i, kind, memory, go):
        r = w.register
        if kind in EMERGENCIES and r.emergency is None: go(None); return  # a missing mark does not mean an end: the command fails
        if self.mine(w, i): go('resolve'); return
        if r.holder is None or r.expired or kind in EMERGENCIES:          # by force: swift after 30 s, contain at once
            own = {'P': (1,), 'A': tuple(range(len(w.stores)))}.get(kind, (0,))
            intent = r.intent or (Absent() if r.absent and self.has('absent-waits') else None)
            go('resolve', None, note(w, holder=i, expired=False, intent=intent, absent=False, stores=tuple(sorted(set(r.stores + own)))))
        if kind in 'SP' and r.holder is not None and not w.apps[1] and not w.hidden:       # adopting needs no lease
            store = 'SP'.index(kind)
            for stores, apps in self.looks(w):
                s = stores[store]; secret = s.secrets[s.current]
                if s.pending == ROTATION != s.current and s.secrets[ROTATION] is None and secret == previous(apps, secret):
                    go('store', (store, current(apps, secret)))

    def resolve(self, w, i, kind, memory, go):
        """Under the lease, an intent without outcome comes first: look until the services show it done, or 45 s are over."""
        intent = w.register.intent
        if not self.mine(w, i): go('start'); return
        skips = kind == 'K' and intent and (intent.kind in 'SPHAR' or not self.has('contain-waits'))
        if intent is None or skips or not self.has('wait'): go('look'); return
        if not self.calm and not w.hidden:
            for stores, apps in self.looks(w):
                if not self.known_old(w, stores, apps) and self.shown(intent, stores, apps): go('look', None, self.resolved(w, stores, apps))
        if self.hurried(w): return
        for v in settle(w, self.timed): go('look', None, self.resolved(self.forget(v), v.stores, v.apps))

    def shown(self, intent, stores, apps):
        if isinstance(intent, Mint) and not self.has('previous-shows'): return apps[intent.app][0] != intent.before
        if isinstance(intent, Mint): return intent.retain and apps[intent.app][1] == intent.before
        if isinstance(intent, End): return apps[intent.app][1] is None and not self.has('end-waits')
        return isinstance(intent, Move) and stores[intent.store].current == intent.version

    def resolved(self, w, stores, apps):
        """The intent's outcome, from what was seen."""
        r = w.register; intent = r.intent
        if w.hidden: apps = (None, None)
        known = dict(intent=None, newest=tuple(max(n, a[0]) if a else n for n, a in zip(r.newest, apps)))
        if isinstance(intent, Mint) and apps[intent.app]:
            found = apps[intent.app][0]
            if found != intent.before and intent.kind in 'SP': known['minted'] = (found, intent.store)
            if found != intent.before and r.emergency and not self.has('answered'): known['after'] = r.after + (found,)
        if isinstance(intent, Move):
            s = stores[intent.store]; known['promoted'] = (s.secrets[s.current], False)
            if s.current == intent.version: known['left'] = self.leave(r, intent)
        return note(w, **known)

    def leave(self, r, move): return tuple(sorted(set(r.left) - {(move.store, move.version)} | {(move.store, move.judged)}))

    def known_old(self, w, stores, apps):
        """The register knows something newer than this view."""
        r = w.register
        return (any((store, s.current) in r.left for store, s in enumerate(stores))
                or not w.hidden and any(a and a[0] < n for a, n in zip(apps, r.newest))) if self.has('superseded') else False

    def look(self, w, i, kind, memory, go):
        r = w.register
        for store, (s, old) in enumerate(zip(w.stores, w.stale)):
            if old is None and (store, s.current) in r.left and self.has('forget'): go('look', None, self.forget(w)); return  # 45 s later
        for stores, apps in self.looks(w):
            if self.known_old(w, stores, apps): continue
            if kind == 'H' and stores[0].secrets[MANUAL] is None and w.stores[0].secrets[MANUAL] is not None: continue   # its own Put beats the read
            go('decide', (stores, apps))

    def decide(self, w, i, kind, look, go):
        stores, apps = look
        own = stores[1 if kind == 'P' else 0]
        proofs = answers(w, current(apps, own.secrets[own.current])) if kind in ROTATIONS else {True}
        for what in {self.plan(kind, w, stores, apps, proved) for proved in proofs}:
            if isinstance(what, (Mint, End)): go('intend', what)
            elif what[0] in ('again', 'done'):
                v = self.release(w, i)
                if what[0] == 'again': go('start', None, v)
                else: go(None, None, self.over(v, kind))
            elif what[0] == 'unlabel':
                v = w
                if self.mine(w, i) and w.stores[what[1]].pending == what[2]: v = write(w, what[1], pending=None)
                go('look', None, v)
            elif what[0] == 'store': go('store', what[1:], self.release(w, i))
            elif what[0] == 'promote':                                    # to a version with the secret, or to a new one
                store, secret = what[1:]; s = stores[store]; v = w
                version = next((x for x, z in enumerate(s.secrets) if z == secret and x != s.current), None)
                if version is None:
                    own = VERSION.get(kind) if kind in EMERGENCIES else None
                    version = own if own and w.stores[store].secrets[own] is None else self.spare(w, store)
                    if version is None: go(None); continue
                    v = put_version(w, store, version, secret)
                go('intend', Move(store, version, s.current, kind), v)
            elif what[0] == 'end-emergency':
                refused = all(False in answers(w, z) for z in w.register.emergency[0]) if w.register.emergency else False
                accepted = all(True in answers(w, s.secrets[s.current]) for s in stores)
                if self.mine(w, i) and refused and accepted:
                    go(None, None, judge(self.release(w, i, emergency=None, after=()), ended=True))
                else: go('start', None, self.release(w, i))

    def intend(self, w, i, kind, request, go):
        """The fence: a replace that names the act, written just before it."""
        if not self.mine(w, i) and self.has('fence'): go('start'); return
        v = w
        if isinstance(request, Move):
            store, version, judged, _ = request; s = w.stores[store]
            if not (w.disabled == 1 and self.has('disabled-too')):        # it must obtain a token, from any node
                said = answers(w, s.secrets[version])
                if False in said: go('start', None, self.release(w, i))
                if True not in said: go(None, None, self.over(self.release(w, i), kind)); return
            if kind not in ROTATIONS and s.pending == s.current == judged: v = write(w, store, pending=None)
        if self.mine(w, i): v = note(v, intent=request)
        go('send', request, v)
        if not self.calm: go('readback', request, v); go('readback', request)   # the answer is lost; the replace succeeded or not

    def readback(self, w, i, kind, request, go):
        if self.mine(w, i) and (w.register.intent == request or not self.has('nonce')): go('send', request)
        elif self.mine(w, i): go('intend', request)
        else: go('start')

    def send(self, w, i, kind, request, go):
        if w.mints >= LIMIT: return
        if not self.calm and len(w.late) < LATE: go(None, None, w._replace(late=w.late + (request,)))
        if isinstance(request, Move) and not self.has('base'): request = request._replace(judged=w.stores[request.store].current)
        v = apply(w, request, self.timed)
        if not self.calm: go(None, None, v)                               # the answer is lost with its reader
        r, mine = w.register, w.register.holder == i and kind != 'D'
        outcome = note(v, intent=None) if mine else v
        if isinstance(request, Mint):
            minted = v.apps[request.app][0]; store = request.store
            if mine: outcome = note(outcome, newest=put(r.newest, request.app, minted), minted=(minted, store) if kind in 'SP' else r.minted)
            if kind in EMERGENCIES:
                if mine and request.under == r.emergency: outcome = note(outcome, after=r.after + (minted,))
                go('look', None, outcome); return
            go('store', (store, minted), self.release(outcome, i))
            if not self.calm: go('store', (store, minted), v)             # the outcome was not recorded, and the program continues
        elif isinstance(request, End): go('look', None, outcome)
        else:
            store, version, judged, _ = request
            if w.stores[store].current != judged: go('start', None, self.release(outcome, i)); return
            secret = w.stores[store].secrets[version]; a = application(secret)
            if mine:
                outcome = note(outcome, left=self.leave(r, request), newest=put(r.newest, a, max(r.newest[a], secret)), promoted=(secret, False))
            if kind in ROTATIONS + 'RD': go(None, None, self.release(outcome, i))
            else: go('look', None, outcome)

    def store(self, w, i, kind, memory, go):
        """The first Put of a version is final."""
        store, secret = memory; version = VERSION[kind]
        go('start', None, put_version(w, store, version, secret) if w.stores[store].secrets[version] is None else w)

    def outage(self, w, go):
        """The table is out of reach: nothing is minted or ended, and a refusal means nothing."""
        if w.hidden: go(None); return
        for stores, apps in self.looks(w):
            for store, s in enumerate(stores):
                secret = s.secrets[s.current]; newest = current(apps, secret)
                if secret == newest: continue
                if secret == previous(apps, secret) or not self.has('offline') and False in answers(w, secret):
                    version = next((x for x, z in enumerate(s.secrets) if z == newest and x != s.current), None)
                    v = w
                    if version is None:
                        version = self.spare(w, store)
                        if version is None: continue
                        v = put_version(w, store, version, newest)
                    go('send', Move(store, version, s.current, 'D'), v)
        if self.calm: go(None)

    # -- the decision -----------------------------------------------------------------------------------------------------------------

    def plan(self, kind, w, stores, apps, proved):
        """Pure: the next move, from a look at both services, the register, and whether PingOne's current secret passes the proof."""
        r = w.register; emergency = r.emergency
        if w.hidden: return self.plan_blind(kind, w, stores)
        contain = kind in EMERGENCIES and emergency and emergency[2] == 'contain'
        waited = not w.older and not any(w.stale)                          # it has looked for 45 s
        standing, urgent = {}, {}
        for i in sorted(set(r.stores + ((1,) if kind == 'P' else (0,)))):
            s = stores[i]; secret = s.secrets[s.current]; newest = current(apps, secret)
            if secret == newest: standing[i] = 'current'
            elif secret == previous(apps, secret): standing[i] = 'behind'
            elif contain or waited or not self.has('drift-waits'): standing[i] = 'drifted'
            else: return ('again',)
            near = not self.timed or w.fuse_short[application(secret)] and self.has('before-death')
            urgent[i] = standing[i] == 'drifted' or standing[i] == 'behind' and near
        secrets = {i: stores[i].secrets[stores[i].current] for i in standing}
        if kind == 'A': return self.plan_audit(w, stores, apps, standing, urgent, secrets)
        if kind in ROTATIONS: return self.plan_rotation(kind, w, stores, apps, standing, urgent, secrets, proved)
        if kind == 'R':
            s = stores[0]; target = s.secrets[s.previous] if s.previous not in (None, s.current) else None
            fits = target is not None and (is_current(apps, target) or not self.has('rollback-current')) and not emergency
            return ('promote', 0, target) if fits else ('done',)
        return self.plan_emergency(kind, r, apps, standing, secrets) if emergency else ('again',)

    def plan_blind(self, kind, w, stores):
        """PingOne hides its view: the mint that the register recorded stands in for it, for one promotion by an audit."""
        secret, minted = stores[0].secrets[stores[0].current], w.register.minted
        near = self.timed and w.fuse_short[application(secret)]
        if kind == 'A' and self.has('recorded') and near and minted and minted[1] == 0 and minted[0] > secret and application(minted[0]) == application(secret):
            return ('promote', 0, minted[0])
        return ('done',)

    def plan_audit(self, w, stores, apps, standing, urgent, secrets):
        r = w.register
        for i, secret in secrets.items():
            if urgent[i]: return ('promote', i, current(apps, secret))
        rotating = any(z != 'current' for z in standing.values())
        for i, secret in secrets.items():
            if previous(apps, secret) is None or (rotating if self.has('others') else standing[i] != 'current'): continue
            if not self.timed or r.promoted == (secret, True) or not self.has('grace'): return End(application(secret), 'A')
        for i in secrets:
            s = stores[i]; pending = s.secrets[s.pending] if s.pending not in (None, s.current) else None
            if pending is None or standing[i] != 'current': continue
            if self.has('unlabel') or not is_current(apps, pending): return ('unlabel', i, s.pending)
        return ('done',)

    def plan_rotation(self, kind, w, stores, apps, standing, urgent, secrets, proved):
        r, i, version = w.register, 1 if kind == 'P' else 0, VERSION[kind]
        s, secret = stores[i], secrets[i]
        a = application(secret); newest, old = apps[a]; twin = apps[1 - a]
        if s.current == version or r.emergency or kind != 'H' and s.pending != ROTATION: return ('done',)
        if s.secrets[version] is not None:
            if self.has('current-only') and not is_current(apps, s.secrets[version]): return ('done',)
            if w.unverifiable: return ('promote', i, newest) if urgent[i] else ('done',)
            return ('promote', i, s.secrets[version])
        if standing[i] != 'current': return ('store', i, newest)
        if w.unverifiable or not proved: return ('done',)        # prove the path before the mint
        if kind != 'H' and twin:
            if self.has('ours') and r.minted and application(r.minted[0]) == 1 - a and r.minted[1] == i:
                return ('store', i, twin[0]) if twin[0] >= r.minted[0] else ('again',)
            before = s.secrets[s.previous] if s.previous is not None else None
            if before is not None and application(before) == 1 - a and before != twin[0]: return ('store', i, twin[0])
            return Mint(1 - a, True, twin[0], i, kind)
        if any(z != 'current' for z in standing.values()) and self.has('others'): return ('done',)
        if self.timed and old is not None and r.promoted != (secret, True): return ('done',)   # consumers lag
        return Mint(a, True, newest, i, kind)

    def plan_emergency(self, kind, r, apps, standing, secrets):
        how = 'swift' if r.after and self.has('contain-once') else r.emergency[2]
        if not self.has('serve'): secrets = {i: z for i, z in secrets.items() if i == 0}
        behind = [i for i in secrets if standing[i] != 'current']
        newest = current(apps, secrets[0]); a = application(newest)
        if any(z not in r.after for z in secrets.values()):
            if behind and how == 'swift' and self.has('adopt-first'): return ('promote', behind[0], newest)
            if newest not in r.after: return Mint(a, how == 'swift', newest, 0, kind, r.emergency)
            twin = apps[1 - a]
            if r.emergency[2] == 'contain' and behind and twin and twin[0] not in r.after:
                return Mint(1 - a, False, twin[0], 0, kind, r.emergency)
        if behind: return ('promote', behind[0], newest)
        if apps[a][1] is not None: return End(a, kind)
        twin = apps[1 - a]
        if twin and twin[0] not in r.after: return Mint(1 - a, False, twin[0], 0, kind, r.emergency)
        if twin and twin[1] is not None: return End(1 - a, kind)
        return ('end-emergency',)
