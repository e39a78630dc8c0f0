import type { Page } from "playwright-core"

/** A node of the tree as Chromium's DevTools tell it (`Accessibility.getFullAXTree`): what it gives to screen readers. */
interface Node {
  readonly nodeId: string
  readonly ignored: boolean
  readonly role?: { readonly value?: unknown }
  readonly name?: { readonly value?: unknown }
  readonly description?: { readonly value?: unknown }
  readonly properties?: ReadonlyArray<{ readonly name: string; readonly value: { readonly value?: unknown } }>
  readonly childIds?: ReadonlyArray<string>
}

/** What is told of a node beside its role, its name and its description. */
const told: ReadonlySet<string> = new Set(["required", "invalid", "focused"])

/** Parts of the drawing, which nobody is told of. */
const silent: ReadonlySet<string> = new Set([
  "generic",
  "none",
  "InlineTextBox",
  "ListMarker",
  "LineBreak",
  "LabelText"
])

/** What people jump to, and hear at once. */
const landmarks: ReadonlySet<string> = new Set(["heading", "textbox", "button", "link", "alert", "status"])

const statesOf = ({ properties = [] }: Node, role: string): ReadonlyArray<string> =>
  properties.flatMap(({ name, value: { value } }) =>
    !(told.has(name) || (name === "level" && role === "heading")) || value === false || value === "false"
      ? []
      : [value === true || value === "true" ? name : `${name} ${value}`]
  )

/** A page as a screen reader is told of it: a line a node, with role, name, description and states. In short, what people jump to in its main part. */
export const accessibilityTree = async (page: Page, { short = false } = {}): Promise<string> => {
  const session = await page.context().newCDPSession(page)
  const { nodes } = await session.send("Accessibility.getFullAXTree")
  await session.detach()
  const byId = new Map<string, Node>(nodes.map((node) => [node.nodeId, node]))
  const roleOf = ({ role }: Node) => String(role?.value ?? "")

  const linesOf = (node: Node, depth: number, above: string): ReadonlyArray<string> => {
    const role = roleOf(node)
    // A word joiner keeps a word on one line, and nobody hears it.
    const name = String(node.name?.value ?? "").replaceAll("\u2060", "")
    // The letters of what was named already.
    const repeated = role === "StaticText" && above.includes(name)
    const shown = !node.ignored && (short ? landmarks.has(role) : !silent.has(role) && !repeated)
    const description = String(node.description?.value ?? "")
    const states = statesOf(node, role)
    const line = `${"  ".repeat(depth)}${role === "StaticText" ? "text" : role}${name && ` "${name}"`}${
      description && `, described as "${description}"`
    }${states.length > 0 ? ` (${states.join(", ")})` : ""}`
    const children = (node.childIds ?? []).flatMap((id) => byId.get(id) ?? [])
    return [
      ...(shown ? [line] : []),
      ...children.flatMap((child) => linesOf(child, shown ? depth + 1 : depth, shown ? name : above))
    ]
  }

  const root = short ? nodes.find((node) => roleOf(node) === "main") : nodes[0]
  return root === undefined ? "" : linesOf(root, 0, "").join("\n")
}
