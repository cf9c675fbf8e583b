#!/usr/bin/env python3
"""Plays every interleaving of a handful of actors, breadth first, and checks each state.

    register.py               the quick table: all rules, then each rule left out (about five minutes)
    register.py --all         the same to larger bounds, with four actors, and random walks with up to ten
    register.py SSA+p -fence  one configuration, without a rule; prints the shortest way to each breach (-cap=N to bound it)

A configuration names its actors (see protocol.py) and after a + what the world has: p a live previous secret, a the strategy
alternating, 2 a second managed secret of the client, t time (fuse and grace), w a Put during a rotation that does not abandon it; and which
request is still under way when it begins: d a rotation's POST, m a rotation's promotion, x an audit's DELETE (with p). With ! the search
follows only paths on which no answer of the register is lost and every program that ends leaves a request behind: for distant breaches.
Exit status 1: a breach with all rules, or a rule whose absence breaks nothing.
"""
import random
import sys
import time
from collections import deque

sys.dont_write_bytecode = True
from protocol import EMERGENCIES, LIMIT, Protocol, RULES
from world import (BEFORE, End, FIRST, Mint, Move, NEVER, Register, ROTATION, SPARES, Store, Truth, World, alive, hours, is_current, label, mint, note, put, settle)


def beginning(actors, traits):
    alternating, partner = 'a' in traits, '2' in traits
    pair = (0, -2 if 'p' in traits else None)
    versions = put((0,) + (None,) * 8, BEFORE, 1 if alternating else pair[1])
    pending = ROTATION if set(actors) & set('SD') else None
    store = Store(FIRST, BEFORE if versions[BEFORE] is not None else None, pending, versions)
    stores = (store, store._replace(pending=ROTATION if 'P' in actors else None)) if partner else (store,)
    register = Register(newest=(0, 1 if alternating else NEVER), promoted=(0, False), stores=tuple(range(len(stores))))
    late, mints, idle = (), 1, (1, None) if alternating else None
    if 'd' in traits: late = (Mint(1 if alternating else 0, True, 1 if alternating else 0, 0, 'S'),)
    if 'x' in traits: late = (End(0, 'A'),)
    if 'm' in traits:                            # the rotation has minted and stored, and died promoting
        late, mints, new = (Move(0, ROTATION, FIRST, 'S'),), 2, 3 if alternating else 2
        pair, idle = (pair, (3, 1)) if alternating else ((2, 0), None)
        stores = (stores[0]._replace(secrets=put(versions, ROTATION, new), pending=ROTATION),) + stores[1:]
        register = register._replace(newest=(pair[0], 3 if alternating else NEVER), minted=(new, 0))
    if late: register = register._replace(holder=len(actors), intent=late[0])
    return World((pair, idle), (), late, stores, (None,) * len(stores), register, 0, False, False, (False, False), (False, False),
                 False, mints, Truth((0,) * len(stores)), tuple((k, 'mark' if k in 'EK' else 'start', None) for k in actors))


def breach(w, actors):
    """The promise that this state breaks, or None."""
    t = w.truth; labels = [label(w, i) for i in range(len(w.stores))]
    contained = t.command and t.command[2] == 'contain' and not t.ended
    if t.breach: return t.breach
    replacing = any(kind == 'V' and phase == 'storing' for kind, phase, _ in w.actors)     # a person has not stored the new secret yet
    for z in labels if not replacing else ():
        if not alive(w.apps, z) and not (contained and z not in w.register.after): return 'I1' + (f'({t.excuse})' if t.excuse else '')
    if max(t.mints) > 1: return 'I2'
    if w.mints >= LIMIT: return 'mints without end'
    if t.ended and any(alive(w.apps, z) for z in t.command[0]): return 'I7 (an old secret lives)'
    if t.ended and any(mint(z) < t.command[1] for z in labels): return 'I7 (AWSCURRENT is old)' + (f'({t.excuse})' if t.excuse else '')
    over = all(phase is None for kind, phase, _ in w.actors if kind in EMERGENCIES)
    if t.command and w.register.emergency is None and not t.ended and over and 'T' not in actors: return 'I7 (forgotten)'
    return None


class Recovery:
    """I4: once every program is dead, the faults are over and reads are fresh, audits (which complete an open emergency) reach the goal, and AWSCURRENT lives."""

    def __init__(self, protocol):
        self.timed = protocol.timed
        self.calm = Protocol(set(RULES) - protocol.rules, protocol.timed, calm=True)
        self.known = {}

    def reached(self, w):
        r = w.register
        return (all(is_current(w.apps, label(w, i)) for i in range(len(w.stores))) and r.emergency is None and r.intent is None
                and all(s.pending in (None, s.current) or s.secrets[s.pending] is None for s in w.stores))

    def rest(self, w):
        """Every program dead, reads fresh, unlabelled versions gone and mints renumbered, so that equivalent ends are equal."""
        top = max([mint(a[0]) + 1 for a in w.apps if a] + ([w.register.emergency[1]] if w.register.emergency else []))
        w = note(w, expired=w.register.holder is not None)
        stores = tuple(s._replace(secrets=tuple(None if v in SPARES and v not in (s.current, s.previous, s.pending) else z for v, z in enumerate(s.secrets)))
                       for s in w.stores)
        return w._replace(stores=stores, older=(), stale=(None,) * len(w.stale), late=(), disabled=w.disabled & 1, mints=top, actors=(), audited=False,
                          truth=Truth((0,) * len(w.stores)))

    def fails(self, w):
        for v in settle(w, self.timed):
            v = self.rest(self.calm.forget(v)); runs = [v]
            if v.disabled or v.hidden: runs = [v, v._replace(disabled=0, hidden=False)]    # repaired only months later, or now
            for start in runs:
                if start not in self.known: self.known[start] = self.play(start)
                if self.known[start]: return self.known[start]
        return None

    def play(self, w):
        contained = w.register.emergency and w.register.emergency[2] == 'contain'
        broken = w.disabled or w.hidden
        ended = False
        for round in range(16):
            if ended and self.reached(w): return None
            w = self.rest(w)._replace(actors=(('F' if w.register.emergency else 'A', 'start', None),))
            for _ in range(80):
                if w.actors[0][1] is None: break
                ahead = [v for v in self.calm.successors(w) if v != w]
                if not ahead: break
                w = settle(ahead[0], False)[0]
            ended = w.actors[0][1] is None
            if self.timed: w = hours(self.rest(w)._replace(audited=True), round % 2 == 1, self.calm.has('long-fuse'), self.calm.has('yields'))
            if not contained and not all(alive(w.apps, label(w, i)) for i in range(len(w.stores))): return 'I1 (audits only)'
        return None if broken else 'I4'


def explore(configuration, without=(), cap=10000, trace=False, first=False):
    actors, _, traits = configuration.partition('+')
    began, breaches = time.time(), {}
    protocol = Protocol(without, 't' in traits, abandons='w' not in traits)
    recovery = Recovery(protocol)
    begin = beginning(actors, traits)
    came, queue = {begin: None}, deque([begin])
    while queue and len(came) < cap:
        w = queue.popleft()
        what = breach(w, actors); stop = what is not None
        if not stop: what = recovery.fails(w)
        if what: breaches.setdefault(what, [0, w])[0] += 1
        if what and first: break
        if stop: continue
        for v in protocol.successors(w):
            if v not in came and not ('!' in traits and rough(w, v)): came[v] = w; queue.append(v)
    bound = 'breach' if first and breaches else 'cut' if queue else 'complete'
    found = ', '.join(what if first else f'{n} {what}' for what, (n, _) in sorted(breaches.items()))
    print(f'{configuration:9} {len(came):8} {bound:9}{time.time() - began:6.1f} s  {found or "holds"}', flush=True)
    if trace:
        for what, (_, w) in breaches.items(): show(what, w, came)
    return breaches


def rough(w, v):
    """A program ends without a request left behind, or does not learn whether its replace was written."""
    died = sum(a[1] is None for a in v.actors) > sum(a[1] is None for a in w.actors)
    return died and len(v.late) <= len(w.late) or any(a[1] == 'readback' for a in v.actors)


def walk(configuration, walks, seed=1):
    """Random ways to the end, for spaces too large to cut breadth first: each state on the way is checked."""
    actors, _, traits = configuration.partition('+')
    began, chance, breaches = time.time(), random.Random(seed), {}
    protocol = Protocol((), 't' in traits, abandons='w' not in traits)
    recovery = Recovery(protocol); checked = set()
    for _ in range(walks):
        w, way = beginning(actors, traits), {}; way[w] = None
        for _ in range(120):
            what = breach(w, actors) or (None if w in checked else recovery.fails(w))
            checked.add(w)
            if what and breaches.setdefault(what, w) is w: show(what, w, way)
            ahead = [v for v in protocol.successors(w) if v not in way] if not what else []
            if not ahead: break
            # Deaths end most ways early: take one in twenty of them.
            living = [v for v in ahead if sum(a[1] is None for a in v.actors) == sum(a[1] is None for a in w.actors)]
            v = chance.choice(living if living and chance.random() < .95 else ahead); way[v] = w; w = v
    print(f'{configuration:9} {len(checked):8} on {walks} walks {time.time() - began:6.1f} s  {", ".join(sorted(breaches)) or "holds"}', flush=True)
    return breaches


def show(what, w, came):
    way = []
    while w is not None: way.append(w); w = came[w]
    print(f'  {what}:')
    for before, after in zip(way[::-1], way[-2::-1]):
        who = [f'{a[0]}{i} {a[1]}>{b[1] or "over"}' for i, (a, b) in enumerate(zip(before.actors, after.actors)) if a != b]
        parts = [(f, getattr(before, f), getattr(after, f)) for f in World._fields if f not in ('actors', 'stale', 'truth', 'register', 'stores')]
        parts += [(f, getattr(before.register, f), getattr(after.register, f)) for f in Register._fields]
        parts += [(f'{f}{i}', getattr(a, f), getattr(b, f)) for i, (a, b) in enumerate(zip(before.stores, after.stores)) for f in Store._fields]
        print('    ', ', '.join(who) or '(time, or a late request)', '|', '; '.join(f'{f} {b}' for f, a, b in parts if a != b))


HOLDS = """
    S SS+p SSS SH+p HH SA+p HA+p AA+p SSA+p SHA+p SH+a S+a SS+a SA+a SR+a SSR+a
    E+p EF SE AE+p HE SSE SEA+p ER+a SE+a AE+a EF+a
    K+p SK+p AK+p HK+p EK+p KF+p K+a SK+a AK+a KR+a KF+a
    SD AD+p HD+p SAD HAD+p SHD SD+a ED+p ED+a KD+p
    SL SSL SAL+p HL EL+p SEL EFL SKL+p SDL SST SAT ET SET
    S+t SS+t SA+t SA+pt HA+pt SH+pt SAB+t SSB+t HAB+t SEB+t EA+pt SAL+t SA+at SAB+at
    SP+2 SH+2 SHP+2 PA+2 PA+2t SPA+2t E+2 K+2 SE+2 PE+2p PK+2 EK+2 EL+2 PEL+2 PKL+2 SPL+2
    SN+t SAN+t SSN+t SBN+t SXN+t SN+at SY+t SAY+t SYB+t
    SX SSX SX+t SXA+t SADX+t EX+p EXF SEX KX EXL
    SE+d EF+d KF+d KA+d AE+dp SA+dp KR+ad PK+2d SEL+d SK+m SE+m AE+m KF+m HA+m SR+am KR+am SP+2m SAB+tm SE+px SK+px EF+px SSE+px SAL+px
    SW SSW SSW+aw SWA HW SWE SV SV+a HV AV+p AHV DV""".split()
LARGE = 'SSEA+d SEKF+d SAKF+m SEAF+px SAEL+m SSSA SSHA+p SSEA SSEL SSKA+p SEFA SAKL+p SSAB+t SSAX+t SHAB+t SPAB+2t SPHA+2t SPEA+2 SPEL+2 SSRA+a SRER+a SSDA SADL SSVA HAVX'.split()
CROWDS = 'SSHAEKFRL+a SSHAEKFDLX SPHAEKDL+2 SSPHABXL+2t SSHAERWT+a SSHAWDLX'.split()
# For each rule a configuration in which its absence is a breach.
MISSED = {
    'fence': 'SS+p SE', 'nonce': 'SS+p SE', 'wait': 'SS SE', 'end-waits': 'AE+p', 'previous-shows': 'KF+d!', 'contain-waits': 'KF+p KFL', 'contain-once': 'PK+2d', 'absent-waits': 'SLS', 'mark-unknown': 'SEL', 'superseded': 'SS+p', 'forget': 'SM+a',
    'drift-waits': 'AV+p', 'base': 'SV', 'current-only': 'HV', 'rollback-current': 'ER+a', 'ours': 'SSW+aw', 'unlabel': 'S+a', 'offline': 'DV',
    'long-fuse': 'S+t', 'before-death': 'S+t', 'disabled-too': 'SX+t', 'recorded': 'SN+t', 'yields': 'SY+t', 'grace': 'SA+t', 'others': 'SH+2 PA+2t', 'known-others': 'EL+2',
    'serve': 'E+2 K+2', 'adopt-first': 'SE', 'answered': 'SE SK+p', 'add-mark': 'EK+p', 'evidence': 'EL+p'}
# The section "What no rule helps against" of the README. Breaches must name the person's deed.
NAMED = 'SG HG AG+p EG+p KG+p SG+a AG+a AM+p SM+p SM+a EM+p KM+p EV KV SSQ'.split()


def fuse(threshold):
    """Graces, in hours, that a stuck rotation's replaced secret does not keep: promoted an hour after the threshold, by an hourly audit of
    which one failed. The previous secret lives for grace + 24 h, at least 48 h, and PingOne allows 720 h."""
    def fuse_of(grace): return max(48, grace + 24)
    return [grace for grace in range(696) if threshold(grace, fuse_of(grace)) - 2 < grace or fuse_of(grace) > 720 or threshold(grace, fuse_of(grace)) > fuse_of(grace) - 22]


def main(arguments):
    rules = [a[1:] for a in arguments if a.startswith('-') and a[1:] in RULES]
    cap = next((int(a[5:]) for a in arguments if a.startswith('-cap=')), None)
    named = [a for a in arguments if not a.startswith('-')]
    if named: return int(any([explore(c, rules, cap or 200000, trace=True) for c in named]))
    large = '--all' in arguments; cap = cap or (20000 if large else 4000)
    failed = []
    print(f'All rules: no breach in any state (cut at {cap} states)')
    for c in HOLDS + (LARGE if large else []):
        if explore(c, cap=cap): failed.append(c)
    if large:
        print('All rules: random walks, seed 1')
        for c in CROWDS:
            if walk(c, 400): failed.append(c + ' (walk)')
    print('Without a rule: the first breach')
    for rule, configurations in MISSED.items():
        for c in configurations.split():
            print(f'{rule:17}', end='')
            if not explore(c, {rule}, 200000, first=True): failed.append(f'{rule} ({c}) is not missed')
    print('What a person or a restored table can break: every breach bears their name')
    for c in NAMED:
        if [b for b in explore(c, cap=min(cap, 20000)) if '(' not in b and 'Q' not in c]: failed.append(c)
    print('Fuse, in hours: graces that a stuck rotation cuts short')
    for name, threshold in ('half of the fuse', lambda grace, fuse: fuse / 2), ('max(half of the fuse, grace + 2 h)', lambda grace, fuse: max(fuse / 2, grace + 2)):
        short = fuse(threshold)
        print(f'  promoted with less left than {name}: {f"{short[0]} to {short[-1]}" if short else "none"}')
    if short: failed.append('fuse')
    print('FAILED: ' + ', '.join(failed) if failed else 'As it should be.')
    return int(bool(failed))


if __name__ == '__main__': sys.exit(main(sys.argv[1:]))
