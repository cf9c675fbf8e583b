"""The world of the model: PingOne, Secrets Manager, the register, and what reads may still show of their past.

A client secret is a number, 2*mint + application: mints count up, and the last bit says which of two applications it belongs to
(the second exists only with the strategy alternating, as the idle twin). A version of a managed secret is a slot in a tuple.
"""
from typing import NamedTuple

NEVER = -9                                       # a mint before every other
# Slots: AWSCURRENT and AWSPREVIOUS of the beginning, the rotation's version, the manual rotation's, two emergencies', spare ones.
FIRST, BEFORE, ROTATION, MANUAL, EMERGENCY, SECOND_EMERGENCY, *SPARES = range(9)


class Mint(NamedTuple):
    """POST …/secret. An intent is the announced request itself."""
    app: int
    retain: bool
    before: int                                  # the current secret that it replaces, as far as its sender knows
    store: int
    kind: str                                    # the letter of its program
    under: tuple | None = None                   # the emergency that was open when it was announced


class End(NamedTuple):
    """DELETE …/secret: the previous secret dies."""
    app: int
    kind: str


class Move(NamedTuple):
    """UpdateSecretVersionStage of AWSCURRENT, from the version that was judged."""
    store: int
    version: int
    judged: int
    kind: str


class Absent(NamedTuple):
    """What stands in for the intent of an item that was lost."""
    kind: str = '-'


class Store(NamedTuple):
    """One managed secret in Secrets Manager."""
    current: int                                 # version that bears AWSCURRENT
    previous: int | None                         # AWSPREVIOUS
    pending: int | None                          # AWSPENDING
    secrets: tuple                               # the client secret in each version, None if the version has none


class Register(NamedTuple):
    """The item of one PingOne client. Every replace is a compare-and-swap; reads are consistent."""
    holder: int | None = None                    # who has the lease
    expired: bool = False                        # the lease has run out
    intent: Mint | End | Move | Absent | None = None    # the act that was announced and has no outcome yet
    newest: tuple = (NEVER, NEVER)               # the newest current secret known of each application
    left: tuple = ()                             # (store, version) that AWSCURRENT was seen to leave
    minted: tuple | None = None                  # (secret, store) of the last mint for a rotation
    promoted: tuple | None = None                # (secret, the grace since then is over)
    emergency: tuple | None = None               # (secrets that must die, mints before the command, 'swift' or 'contain')
    after: tuple = ()                            # mints by emergencies, announced after the command and answered
    stores: tuple = ()                           # the managed secrets known to hold this client
    absent: bool = False                         # nobody has written the item since it was lost


class Truth(NamedTuple):
    """What only the checker knows."""
    mints: tuple                                 # regenerations by each store's rotation
    command: tuple | None = None                 # what an emergency must end: like Register.emergency, but from fresh reads
    ended: bool = False                          # an emergency said so
    excuse: str | None = None                    # what a console or a person did
    breach: str | None = None                    # noticed while a request was applied
    lost: bool = False                           # the item or the table was lost


class World(NamedTuple):
    apps: tuple                                  # (current, previous) of each application, None for a twin that does not exist
    older: tuple                                 # states of apps that a lagging GET or token node may still use
    late: tuple                                  # requests whose senders died, not applied yet
    stores: tuple
    stale: tuple                                 # of each store: the state that a lagging read may still show
    register: Register
    disabled: int                                # 0 enabled, 1 disabled, 2 enabled while a node may still refuse everything
    unverifiable: bool                           # `verify` fails from now on, so nothing can be promoted by a rotation
    hidden: bool                                 # the admin may no longer read or change the application's secrets
    fuse_short: tuple                            # of each application: its previous secret is past the threshold of its fuse
    grace_over: tuple                            # of each application: the grace since AWSCURRENT left its previous secret is over
    audited: bool                                # an audit finished since a fuse became short
    mints: int                                   # number of the next mint
    truth: Truth
    actors: tuple                                # (kind, phase, memory)


def application(secret): return secret & 1
def mint(secret): return secret >> 1
def put(values, index, value): return values[:index] + (value,) + values[index + 1:]


def alive(apps, secret):
    return secret is not None and apps[application(secret)] is not None and secret in apps[application(secret)]


def current(apps, secret):
    """PingOne's current secret of the application that the secret belongs to."""
    return apps[application(secret)][0] if apps[application(secret)] else None


def previous(apps, secret): return apps[application(secret)][1] if apps[application(secret)] else None
def is_current(apps, secret): return secret is not None and secret == current(apps, secret)


def answers(world, secret):
    """What a token node may answer: nodes lag, and a disabled application is always refused."""
    if world.disabled == 1: return {False}
    seen = {alive(apps, secret) for apps in (world.apps,) + world.older}
    return seen | {False} if world.disabled else seen


def label(world, store): return world.stores[store].secrets[world.stores[store].current]
def note(world, **changes): return world._replace(register=world.register._replace(**changes))
def judge(world, **changes): return world._replace(truth=world.truth._replace(**changes))


def write(world, store, **changes):
    """A write to Secrets Manager; until reads settle, the state before it may be seen."""
    old = world.stores[store]
    return world._replace(stores=put(world.stores, store, old._replace(**changes)), stale=put(world.stale, store, old))


def put_version(world, store, version, secret, abandons=True):
    """PutSecretValue. A version that is not the rotation's own makes Secrets Manager abandon the rotation."""
    s = world.stores[store]
    pending = None if abandons and s.pending == ROTATION != version else s.pending
    return write(world, store, secrets=put(s.secrets, version, secret), pending=pending)


def move(world, store, version):
    """UpdateSecretVersionStage: AWSCURRENT moves, AWSPREVIOUS follows, and the grace of the secret left behind begins."""
    s = world.stores[store]; left = s.secrets[s.current]
    world = write(world, store, current=version, previous=s.current)
    return world._replace(grace_over=put(world.grace_over, application(left), False)) if left == previous(world.apps, left) else world


def change(world, app, pair):
    older = tuple(sorted(set(world.older) | {world.apps}, key=repr))
    return world._replace(apps=put(world.apps, app, pair), older=older)


def regenerate(world, app, retain):
    """POST …/secret: the current secret becomes the previous one, or dies; the previous one dies."""
    world = change(world, app, (2 * world.mints + app, world.apps[app][0] if retain else None))
    return world._replace(mints=world.mints + 1, fuse_short=put(world.fuse_short, app, False), grace_over=put(world.grace_over, app, False))


def apply(world, request, timed):
    """A request takes effect."""
    if isinstance(request, Move):
        return move(world, request.store, request.version) if world.stores[request.store].current == request.judged else world
    if world.hidden: return world                # PingOne refuses it
    app = request.app; kept, ended = world.apps[app]
    if timed and request.kind in 'SPHA' and ended is not None and not world.grace_over[app]:
        world = judge(world, breach='I5')        # no emergency commanded this
    if isinstance(request, End): return change(world, app, (kept, None))
    world = regenerate(world, app, request.retain)
    if request.kind not in 'SP': return world
    return judge(world, mints=put(world.truth.mints, request.store, world.truth.mints[request.store] + 1))


def settle(world, timed):
    """45 s pass: late requests are applied, in any order, or lost; reads and nodes agree."""
    ends, ahead = {world}, [world]
    while ahead:
        ahead = [v for w in ahead for v in arrivals(w, timed)]
        ends.update(ahead)
    return list({w._replace(older=(), stale=(None,) * len(w.stale), late=(), disabled=w.disabled & 1) for w in ends})


def arrivals(world, timed):
    return [apply(world, r, timed)._replace(late=world.late[:i] + world.late[i + 1:]) for i, r in enumerate(world.late)]


def hours(world, burns=True, long_fuse=True, yields=True):
    """Hours pass. The grace ends; if the fuse burns, a long one becomes short, and a short one ends if an audit has finished meanwhile
    (audits run hourly). Every audit begins again. The register believes what PingOne has shown for so long."""
    labels = {label(world, i) for i in range(len(world.stores))}
    apps, short, over = list(world.apps), list(world.fuse_short), list(world.grace_over)
    audited = world.audited
    for a, pair in enumerate(world.apps):
        if pair is None or pair[1] is None: continue
        over[a] = pair[1] not in labels
        if not burns: continue
        if not short[a]: short[a] = True; audited = False
        elif world.audited or not long_fuse: apps[a] = (pair[0], None); short[a] = over[a] = False
    if yields and not world.hidden:
        world = note(world, newest=tuple(min(n, a[0]) if a else n for n, a in zip(world.register.newest, apps)))
    promoted = world.register.promoted and (world.register.promoted[0], True)
    actors = tuple(('A', 'start', None) if kind == 'A' else (kind, phase, memory) for kind, phase, memory in world.actors)
    return note(world._replace(apps=tuple(apps), fuse_short=tuple(short), grace_over=tuple(over), audited=audited, actors=actors), promoted=promoted)
