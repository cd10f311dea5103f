"""Which click does each piece belong to? A network over pieces, links and clicks.

Two halves. `Reader` reads the scan once: messages run along the links between pieces, and three
heads say what each piece is, and of each link whether it joins two pieces of one object. `Asker`
answers for given clicks: every click is a query that looks at every piece of the scan, so that
parts which do not touch can still be one object; in each of a few rounds the clicks' present
masks, what neighbours think, and where a random walk on the learned links leads, are weighed
together. A last column, "none", takes what no click explains.

Letters: p pieces, l links, c clicks, d width.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int32, Int64
from scipy.sparse.linalg import SuperLU
from torch import Tensor, nn
from torch.nn import functional as F

from seggroup.assign.features import FEATURES, LINK, POINT, Surroundings, segment_values
from seggroup.suggest import factorised
from seggroup.walk import unit

CLASSES = 41  # NYU40, and 0 for any other or none
SLIGHT = 1e-3  # shares below it are not asked about again, once nothing is learned
BIND = 6.0  # log-weights of links, and log-trust, are cut to -BIND … BIND
# How far a training-free opinion counts: of 0, 0.2 … 0.5 the best on the scans of rooms 0000–0002
# (docs/benchmarks.md); the network sees only synthetic rooms, the opinion none.
OPINION = 0.3
LEAKS = (0.02, 0.3)  # how soon a walker gives up: far and near
PAIR = 22  # features of a piece and a click, before the queries' own
GAP_TO_REST, HIT_TO_REST = 1, 18  # those of them that compare a click with the others
HEADS = 8
TURNS = 3  # rounds of the asker
DYNAMIC = 8
BLOCK = 64  # pieces weighed at a time


@dataclass(frozen=True)
class Read:
    """What `Reader` found in a scan: everything that does not depend on the clicks."""

    hidden: Float32[Tensor, "p d"]
    kinds: Float32[Tensor, "p 41"]  # log-probabilities of classes
    affinity: Float32[Tensor, " l"]  # logit: both pieces are of one object


@dataclass(frozen=True)
class Asked:
    """Clicks as the network takes them: the piece of each, and its class, 0 for none."""

    piece: Int64[np.ndarray, " c"]
    semantic: Int64[np.ndarray, " c"]


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise(widths)):
        layers += [nn.ReLU()] * (i > 0) + [nn.Linear(a, b)]
    return nn.Sequential(*layers)


class Round(nn.Module):
    """One exchange of messages along the links, and with the whole room."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.source = nn.Linear(width, width)
        self.target = nn.Linear(width, width, bias=False)
        self.link = nn.Linear(LINK, width, bias=False)
        self.gate = nn.Linear(width, 1)
        self.message = nn.Linear(width, width)
        self.room = nn.Linear(2 * width, width)
        self.update = mlp(4 * width, 2 * width, width)

    def forward(self, hidden, source, target, link):  # type: ignore[no-untyped-def]
        """Hidden values of the pieces after the exchange; links in both directions."""
        x = self.norm(hidden)
        m = F.relu(self.source(x)[source] + self.target(x)[target] + self.link(link))
        gate = torch.sigmoid(self.gate(m))
        m = self.message(m)
        total = x.new_zeros(len(x), m.shape[1]).index_add_(0, target, gate * m)
        share = x.new_zeros(len(x), 1).index_add_(0, target, gate)
        to = target[:, None].expand_as(m)
        best = x.new_zeros(x.shape).scatter_reduce_(0, to, m, "amax", include_self=True)
        room = self.room(torch.cat([x.mean(0), x.amax(0)])).expand_as(x)
        return hidden + self.update(torch.cat([x, total / (share + 0.1), best, room], 1))


class Reader(nn.Module):
    """The half that reads the scan."""

    def __init__(self, width: int, rounds: int) -> None:
        super().__init__()
        self.points = mlp(POINT, 32, 48)
        self.enter = mlp(FEATURES + 96, 2 * width, width)
        self.rounds = nn.ModuleList(Round(width) for _ in range(rounds))
        self.leave = nn.LayerNorm(width)
        self.kind = nn.Linear(width, CLASSES)
        self.join = mlp(2 * width + LINK, 64, 1)

    def forward(self, features, points, links, link, back) -> Read:  # type: ignore[no-untyped-def]
        """Hidden values, classes and affinities."""
        samples = F.relu(self.points(points))
        hidden = self.enter(torch.cat([features, samples.amax(1), samples.mean(1)], 1))
        a, b = links.T
        source, target = torch.cat([a, b]), torch.cat([b, a])
        both = torch.cat([back, link])
        for one in self.rounds:
            hidden = one(hidden, source, target, both)
        hidden = self.leave(hidden)
        pair = torch.cat([hidden[a] + hidden[b], (hidden[a] - hidden[b]).abs()], 1)
        forth = self.join(torch.cat([pair, link], 1)) + self.join(torch.cat([pair, back], 1))
        return Read(hidden, F.log_softmax(self.kind(hidden), 1), forth[:, 0])


class Asker(nn.Module):
    """The half that answers for given clicks."""

    def __init__(self, width: int, rounds: int = TURNS) -> None:
        super().__init__()
        self.named = nn.Embedding(CLASSES, width)
        self.query = mlp(2 * width, width, width)
        self.asks = nn.ModuleList(nn.Linear(width, width) for _ in range(rounds))
        self.offers = nn.ModuleList(nn.Linear(width, width) for _ in range(rounds))
        self.weigh = nn.ModuleList(mlp(PAIR + HEADS + DYNAMIC, 40, 24, 1) for _ in range(rounds))
        self.none = nn.ModuleList(mlp(width + 2, 32, 1) for _ in range(rounds))
        between = range(rounds - 1)
        self.gather = nn.ModuleList(mlp(2 * width, width, width) for _ in between)
        self.attend = nn.ModuleList(
            nn.MultiheadAttention(width, 4, batch_first=True) for _ in between
        )
        self.learn = nn.ModuleList(mlp(2 * width, width, width) for _ in between)
        self.norm = nn.LayerNorm(width)
        self.trust = mlp(width + 3, 32, 1)

    def forward(self, read, pair, clicks, named, links, center, area):  # type: ignore[no-untyped-def]
        """Logits of every round, the last column "none", and log-trust in the last ones' shares.

        pair: p x c x PAIR.
        """
        p, c = pair.shape[:2]
        z = read.hidden
        q = self.query(torch.cat([z[clicks], self.named(named)], 1))
        a, b = links.T
        weight = torch.sigmoid(read.affinity)
        degree = weight.new_zeros(p).index_add_(0, a, weight).index_add_(0, b, weight) + 0.05
        dynamic = pair.new_zeros(p, c, DYNAMIC)
        answers: list[Tensor] = []
        live = None
        for r, weigh in enumerate(self.weigh):
            x, y = self.norm(z), self.norm(q)
            dots = self.dots(r, x, y)
            if live is None or torch.is_grad_enabled():
                logit = weighed(weigh, pair, dots, dynamic)
            else:  # what is out of the question stays as it was
                logit = answers[-1][:, :-1].clone()
                logit[live] = weigh(torch.cat([pair[live], dots[live], dynamic[live]], 1))[:, 0]
            top = logit.amax(1, keepdim=True)
            nothing = self.none[r](torch.cat([x, top, torch.logsumexp(logit, 1, True)], 1))
            answers.append(torch.cat([logit, nothing], 1))
            share = torch.softmax(answers[-1], 1)
            if r + 1 == len(self.weigh):
                best = share.amax(1, keepdim=True)
                doubt = -(share * torch.log(share + 1e-6)).sum(1, keepdim=True)
                trust = self.trust(torch.cat([x, best, doubt, share[:, -1:]], 1))[:, 0]
                break
            share = share[:, :c]
            mass = share * area[:, None]
            total = mass.sum(0) + 1e-4
            middle = mass.T @ center / total[:, None]
            away = center[:, None] - middle
            distance2 = (away**2).sum(2)
            extent = ((mass * distance2).sum(0) / total).sqrt() + 0.1
            mean = mass.T @ x / total[:, None]
            heard = share.new_zeros(p, c)
            heard = heard.index_add(0, a, weight[:, None] * share[b])
            heard = heard.index_add(0, b, weight[:, None] * share[a]) / degree[:, None]
            live = (share > SLIGHT) | (heard > SLIGHT)
            like = x @ mean.T / x.shape[1]
            dynamic = torch.stack(
                [
                    torch.log(share + 1e-3) / 3, torch.log(heard + 1e-3) / 3,
                    ((distance2 + 1e-4).sqrt() / extent).clamp(max=6) / 2,
                    torch.log((distance2 + 1e-2).sqrt()), away[..., 2],
                    extent.expand(p, c), torch.log(total).expand(p, c) / 2, like,
                ],
                2,
            )  # fmt: skip
            q = q + self.gather[r](torch.cat([y, mean], 1))
            q = q + self.attend[r](q[None], q[None], q[None], need_weights=False)[0][0]
            z = z + self.learn[r](torch.cat([x, share @ y], 1))
        return answers, trust

    def dots(
        self, r: int, x: Float32[Tensor, "p d"], y: Float32[Tensor, "c d"]
    ) -> Float32[Tensor, "p c h"]:
        """How well what pieces offer is what clicks ask for in a round, by head."""
        asks = self.asks[r](y).view(len(y), HEADS, -1)
        offers = self.offers[r](x).view(len(x), HEADS, -1)
        return torch.einsum("phd,chd->pch", offers, asks) / asks.shape[2] ** 0.5


def weighed(weigh: nn.Module, *features: Float32[Tensor, "p c _"]) -> Float32[Tensor, "p c"]:
    """The logits that `weigh` gives to the features of pieces and clicks, side by side.

    Where nothing is learned, so few pieces at a time that the processor's cache holds them.
    """
    if torch.is_grad_enabled():
        return weigh(torch.cat(features, 2))[..., 0]
    blocks = zip(*(one.split(BLOCK) for one in features), strict=True)
    return torch.cat([weigh(torch.cat(block, 2))[..., 0] for block in blocks])


class Assigner(nn.Module):
    """Both halves."""

    temperature: Tensor

    def __init__(self, width: int = 96, rounds: int = 4) -> None:
        super().__init__()
        self.width, self.rounds = width, rounds
        self.reader = Reader(width, rounds)
        self.asker = Asker(width)
        self.register_buffer("temperature", torch.ones(()))  # of the answers, fitted last


def instance_shares(
    logits: Float[Tensor, "p k"], instance: Int[np.ndarray, " c"]
) -> Float[Tensor, "p i"]:
    """Shares of the clicked instances, ascending, and none from logits of the clicks and none."""
    numbers, column = np.unique(instance, return_inverse=True)
    index = torch.from_numpy(np.append(column, len(numbers)))
    share = torch.softmax(logits, 1)
    return share.new_zeros(len(share), len(numbers) + 1).index_add_(1, index, share)


def read(network: Assigner, around: Surroundings) -> Read:
    """Read a scan."""
    t = torch.from_numpy
    return network.reader(
        t(around.features), t(around.points), t(around.links).long(), t(around.link), t(around.back)
    )


def hits(
    around: Surroundings, affinity: Float32[np.ndarray, " l"], pieces: Int64[np.ndarray, " c"]
) -> Float32[np.ndarray, "p c 2"]:
    """Log-probability that a walker from a piece comes by each clicked one before it gives up."""
    return hits_of(walks(around, affinity), pieces)


def walks(around: Surroundings, affinity: Float32[np.ndarray, " l"]) -> tuple[SuperLU, ...]:
    """The factorised systems of the walks along the links, one of each of `LEAKS`."""
    a, b = around.links.T
    p = len(around.size)
    weight = np.exp(np.clip(affinity.astype(np.float64), -7, 7))
    degree = np.bincount(a, weight, p) + np.bincount(b, weight, p) + 1e-6
    return tuple(factorised(around.links, weight, (1 + leak) * degree) for leak in LEAKS)


def hits_of(
    factors: tuple[SuperLU, ...], pieces: Int64[np.ndarray, " c"]
) -> Float32[np.ndarray, "p c 2"]:
    """`hits` where the walks' systems are factorised."""
    columns = np.arange(len(pieces))
    one_hot = np.zeros((factors[0].shape[0], len(pieces)), order="F")
    one_hot[pieces, columns] = 1
    found = []
    for factor in factors:
        visits = factor.solve(one_hot)
        found.append(visits / visits[pieces, columns])
    return np.log(np.stack(found, axis=2).clip(1e-6, 1)).astype(np.float32)


def pair_features(
    around: Surroundings, found: Read, clicks: Asked, hit: Float32[np.ndarray, "p c 2"]
) -> Float32[Tensor, "p c k"]:
    """What relates every piece to every click."""
    return among(alone(around, found, clicks, hit))


def among(columns: Float32[Tensor, "p c k"]) -> Float32[Tensor, "p c k"]:
    """`pair_features` from the columns of clicks that do not know of one another."""
    pair = columns.clone()
    gap, hit = columns[..., GAP_TO_REST], columns[..., HIT_TO_REST]
    pair[..., GAP_TO_REST] = (gap - gap.amin(1, keepdim=True)).clamp(max=4)
    pair[..., HIT_TO_REST] = torch.log_softmax(hit, 1).clamp(min=-12) / 4
    return pair


def alone(
    around: Surroundings, found: Read, clicks: Asked, hit: Float32[np.ndarray, "p c 2"]
) -> Float32[Tensor, "p c k"]:
    """`pair_features` of each click by itself; what the others change is still to be compared.

    `GAP_TO_REST` is the plain gap here, and `HIT_TO_REST` the far walk's plain logarithm.
    """
    t = torch.from_numpy
    s = int(around.segment.max()) + 1
    size = np.bincount(around.segment, around.size, s)
    normal = unit(segment_values(around, around.normal))
    middle, color = segment_values(around, around.center), segment_values(around, around.lab)
    bottom, top = np.full(s, np.inf), np.full(s, -np.inf)
    np.minimum.at(bottom, around.segment, around.spread[:, 0])
    np.maximum.at(top, around.segment, around.spread[:, 1])
    of = around.segment[clicks.piece]

    def of_click(values: np.ndarray) -> Tensor:
        return t(values[of].astype(np.float32))

    center, own = t(around.center), t(around.normal)
    offset = center[:, None] - center[t(clicks.piece)]
    flat = offset[..., :2].norm(dim=2)
    gap = _gaps(around, of)
    cosine = own @ of_click(normal).T
    from_plane = ((center[:, None] - of_click(middle)) * of_click(normal)).sum(2)
    to_plane = (offset * own[:, None]).sum(2)
    difference = t(around.lab)[:, None] - of_click(color)
    ratio = t(np.log10(size)[around.segment].astype(np.float32))[:, None] - of_click(np.log10(size))
    hit_far, hit_near = t(hit[..., 0]), t(hit[..., 1])
    named = t(clicks.semantic)
    kinds = found.kinds
    known = (named > 0).float()
    right = kinds[:, named] * known
    alike = kinds.exp() @ kinds[t(clicks.piece)].exp().T
    return torch.stack(
        [
            torch.log(gap + 0.02), gap,
            torch.log(offset.norm(dim=2) + 0.05), torch.log(flat + 0.05),
            offset[..., 2].clamp(-3, 3),
            (t(around.spread[:, :1]) - of_click(top)).clamp(-3, 3),
            (t(around.spread[:, 1:]) - of_click(bottom)).clamp(-3, 3),
            cosine.abs(), cosine,
            (4 * from_plane.abs()).clamp(max=4), (2 * from_plane).clamp(-3, 3),
            (4 * to_plane.abs()).clamp(max=4),
            difference.norm(dim=2).clamp(max=80) / 20, difference[..., 0].clamp(-60, 60) / 20,
            ratio.clamp(-2, 2),
            (t(around.segment)[:, None] == t(of)).float(),
            hit_far / 4, hit_near / 4, hit_far,
            right.clamp(min=-8) / 3, known.expand(len(center), -1), alike,
        ],
        2,
    )  # fmt: skip


def _gaps(around: Surroundings, of: Int32[np.ndarray, " c"]) -> Float32[Tensor, "p c"]:
    """The distance between each piece and each click's segment, by their samples."""
    p = len(around.size)
    places = torch.from_numpy(around.place[:, ::2].reshape(-1, 3).copy())
    gap = torch.empty(p, len(of))
    seen: dict[int, int] = {}
    for column, segment in enumerate(of.tolist()):
        if segment in seen:
            gap[:, column] = gap[:, seen[segment]]
            continue
        seen[segment] = column
        own = around.place[around.segment == segment].reshape(-1, 3)
        own = own[np.linspace(0, len(own) - 1, min(len(own), 32)).astype(int)]
        distance = torch.cdist(places, torch.from_numpy(own)).amin(1)
        gap[:, column] = distance.view(p, -1).amin(1)
    return gap


def ask(
    network: Assigner,
    around: Surroundings,
    found: Read,
    clicks: Asked,
    lean: float = 0.0,
    pair: Float32[Tensor, "p c h"] | None = None,
    opinion: Float32[Tensor, "p k"] | None = None,
) -> list[Float32[Tensor, "p k"]]:
    """Logits of every round for every piece and click, the last column "none".

    The last are the logarithms of what the random walker makes of the round before. `lean`: how
    far it leans on the links rather than on that round; e^-lean times the trust. `pair`: the
    clicks' `pair_features`, where they are at hand. `opinion`: another's shares, rows of sum 1
    or 0, that are mixed into that round's by their weight `OPINION`.
    """
    t = torch.from_numpy
    if pair is None:
        hit = hits(around, found.affinity.detach().numpy(), clicks.piece)
        pair = pair_features(around, found, clicks, hit)
    area = t((around.size * around.area).astype(np.float32))
    answers, trust = network.asker(
        found, pair, t(clicks.piece), t(clicks.semantic), t(around.links).long(),
        t(around.center), area,
    )  # fmt: skip
    share = torch.softmax(answers[-1], 1)
    if opinion is not None:
        share = (1 - OPINION * opinion.sum(1, keepdim=True)) * share + OPINION * opinion
    settled = settle(share, trust - lean, found.affinity, around.links, clicks.piece)
    return [*answers, torch.log(settled.clamp(min=1e-6))]


def settle(
    share: Float32[Tensor, "p k"],
    trust: Float32[Tensor, " p"],
    affinity: Float32[Tensor, " l"],
    links: Int32[np.ndarray, "l 2"],
    seeds: Int64[np.ndarray, " c"],
) -> Float32[Tensor, "p k"]:
    """Shares that agree along the links: a random walker with priors (Grady 2005).

    Minimises sum of w (x_a - x_b)^2 over the links and of g (x - share)^2 over the pieces, with
    w = exp(affinity), g = exp(trust); the clicked pieces are held at their clicks. Where gradients
    are wanted the system is solved dense, else sparse.
    """
    p, k = share.shape
    a, b = torch.from_numpy(links).long().T
    weight = torch.exp(affinity.double().clamp(-BIND, BIND))
    hold = torch.exp(trust.double().clamp(-BIND, BIND))
    fixed = torch.zeros(p, dtype=torch.double)
    fixed[seeds] = 1e5
    own = torch.zeros(p, k, dtype=torch.double)
    own[seeds, torch.arange(len(seeds))] = 1
    own = own / own.sum(1, keepdim=True).clamp(min=1)
    right = hold[:, None] * share.double() + fixed[:, None] * own
    diagonal = hold + fixed
    diagonal = diagonal.index_add(0, a, weight).index_add(0, b, weight)
    if torch.is_grad_enabled():
        matrix = torch.diag(diagonal)
        matrix = matrix.index_put((a, b), -weight, accumulate=True)
        matrix = matrix.index_put((b, a), -weight, accumulate=True)
        return torch.cholesky_solve(right, torch.linalg.cholesky(matrix)).float()
    factor = factorised(links, weight.numpy(), diagonal.numpy())
    return torch.from_numpy(factor.solve(right.numpy())).float()
