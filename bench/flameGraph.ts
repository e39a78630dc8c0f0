import { escaped } from "./chart.ts"
import type { Profile, ProfileNode } from "./profile.ts"

/** Whose code a function is: ours, a package's, Node's, or V8's own and what is native. */
export const ownerOf = ({ callFrame: { functionName, url } }: ProfileNode): string => {
  const [, inPackage] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? []
  if (inPackage !== undefined) return inPackage
  if (url.startsWith("node:")) return "Node"
  if (url.startsWith("file:")) return "Rekey"
  return functionName === "(garbage collector)" ? "garbage collection" : "native"
}

/** Ours by their names and files; of others one frame for all that call each other, since how they do it is theirs. */
const labelOf = ({ callFrame: { functionName, url } }: ProfileNode, owner: string): string => {
  if (owner === "native") return functionName || owner
  return owner === "Rekey" ? `${functionName || "…"} ${url.replace(/.*\/src\//, "")}` : owner
}

/** A frame, how many microseconds it took, and what it called. */
interface Flame {
  readonly label: string
  readonly ours: boolean
  micros: number
  readonly calls: Map<string, Flame>
}

const makeFlame = (node: ProfileNode): Flame => {
  const owner = ownerOf(node)
  return { label: labelOf(node, owner), ours: owner === "Rekey", micros: 0, calls: new Map() }
}

/** How long each node was on top, idleness left out. */
export const selfMicros = ({ nodes, samples, timeDeltas }: Profile): ReadonlyMap<ProfileNode, number> => {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const micros = new Map<ProfileNode, number>()
  for (const [index, id] of samples.entries()) {
    const node = byId.get(id)
    if (node !== undefined && node.callFrame.functionName !== "(idle)")
      micros.set(node, (micros.get(node) ?? 0) + (timeDeltas[index] ?? 0))
  }
  return micros
}

const flamesOf = (profile: Profile): Flame => {
  const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)))
  const root: Flame = { label: "", ours: false, micros: 0, calls: new Map() }
  for (const [top, micros] of selfMicros(profile)) {
    const stack: Array<Flame> = []
    // Up to V8's own root, the one without a parent: it stands for all.
    for (let node = top, parent = parents.get(top.id); parent !== undefined; parent = parents.get(node.id)) {
      const flame = makeFlame(node)
      if (stack[0]?.label !== flame.label) stack.unshift(flame)
      node = parent
    }
    let flame = root
    flame.micros += micros
    for (const next of stack) {
      const called = flame.calls.get(next.label) ?? next
      flame.calls.set(next.label, called)
      called.micros += micros
      flame = called
    }
  }
  return root
}

const [width, rowHeight, headHeight, leastWidth, letterWidth] = [1200, 18, 40, 1.5, 6.6]

/** A flame graph as SVG: from the top down who called whom, as wide as it took. */
export const flameGraphOf = (title: string, profile: Profile): string => {
  const root = flamesOf(profile)
  const rows: Array<string> = []
  let deepest = 0
  const draw = (flame: Flame, left: number, depth: number) => {
    const wide = (flame.micros / root.micros) * width
    if (wide < leastWidth) return
    deepest = Math.max(deepest, depth)
    const top = headHeight + (depth - 1) * rowHeight
    const share = `${((flame.micros / root.micros) * 100).toFixed(1)} %`
    const letters = Math.floor((wide - 6) / letterWidth)
    const text = flame.label.length > letters ? `${flame.label.slice(0, Math.max(0, letters - 1))}…` : flame.label
    if (depth > 0) {
      rows.push(
        `<g><title>${escaped(`${flame.label}: ${share}`)}</title><rect class="${flame.ours ? "ours" : "other"}" x="${left.toFixed(1)}" y="${top}" width="${(wide - 0.5).toFixed(1)}" height="${rowHeight - 1}"/>${letters > 3 ? `<text x="${(left + 3).toFixed(1)}" y="${top + 12}">${escaped(text)}</text>` : ""}</g>`
      )
    }
    let at = left
    for (const called of [...flame.calls.values()].sort((one, other) => other.micros - one.micros)) {
      draw(called, at, depth + 1)
      at += (called.micros / root.micros) * width
    }
  }
  draw(root, 0, 0)
  const height = headHeight + deepest * rowHeight + 8
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 11px ui-monospace, monospace; fill: #1f2328 } .title { font: 600 14px system-ui, sans-serif }
.ours { fill: #8fb8e8 } .other { fill: #c9d1d9 }
@media (prefers-color-scheme: dark) { .title { fill: #e6edf3 } }
</style>
<text class="title" x="8" y="24">${escaped(title)}</text>
${rows.join("\n")}
</svg>
`
}
