import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Context, Effect, Layer, type Scope } from "effect"
import { type BrowserContextOptions, chromium, type Page } from "playwright-core"

export interface PageOptions
  extends Pick<BrowserContextOptions, "colorScheme" | "locale" | "reducedMotion" | "timezoneId" | "viewport"> {
  /** Off shows what a person gets whose browser runs no script. */
  readonly javaScript?: boolean
}

/** A real Chromium out of npm packages; `TEST_CHROMIUM` names another one, where the package's isn't built for the machine. */
export class Browser extends Context.Service<
  Browser,
  {
    /** A page with cookies and storage of its own, closed with the scope. */
    newPage(options?: PageOptions): Effect.Effect<Page, never, Scope.Scope>
  }
>()("rekey/test/Browser") {
  static readonly layer = Layer.effect(
    Browser,
    Effect.gen(function* () {
      const browser = yield* Effect.acquireRelease(Effect.promise(launch), (browser) =>
        Effect.promise(() => browser.close())
      )

      const newPage = Effect.fn("Browser.newPage")(function* ({ javaScript = true, ...options }: PageOptions = {}) {
        const context = yield* Effect.acquireRelease(
          Effect.promise(() => browser.newContext({ ...options, javaScriptEnabled: javaScript })),
          (context) => Effect.promise(() => context.close())
        )
        return yield* Effect.promise(() => context.newPage())
      })

      return Browser.of({ newPage })
    })
  )
}

const launch = async () =>
  chromium.launch({
    // The package's own list of arguments switches off the same-origin policy, which our pages must work under.
    // Chromium refuses to run as root in its sandbox; it sees nothing here but our own pages.
    args: ["--no-sandbox", "--disable-gpu"],
    ...(process.env.TEST_CHROMIUM === undefined ? await packaged() : { executablePath: process.env.TEST_CHROMIUM })
  })

/** A Chromium that takes nothing from the machine: libraries and fonts are the package's too. */
const packaged = async () => {
  const folder = await unpacked()
  const executablePath = join(folder, "chromium")
  const fontsFile = join(folder, "fonts.conf")
  // At each launch, since an older checkout may have left another one; aside first, since others may be reading it.
  await writeFile(`${fontsFile}-${process.pid}`, fontsConfiguration)
  await rename(`${fontsFile}-${process.pid}`, fontsFile)
  const libraries = join(folder, "al2023", "lib")
  return {
    executablePath,
    env: { HOME: folder, FONTCONFIG_FILE: fontsFile, LD_LIBRARY_PATH: libraries }
  }
}

const chromiumPackage = fileURLToPath(import.meta.resolve("@sparticuz/chromium"))
/** Beside the packed files, so that another version of the package unpacks anew. */
const cache = join(dirname(chromiumPackage), "..", "unpacked")

/** Chromium's package has letters for Europe alone; what it lacks would be boxes, as wide as they please. */
const fonts = [
  join(cache, "fonts"),
  ...["biz-udpgothic", "noto-sans-arabic"].map((family) =>
    dirname(fileURLToPath(import.meta.resolve(`@expo-google-fonts/${family}/package.json`)))
  )
]

/** The package's own names folders of the machine that it was made for; without a font Chromium lays out no text. */
const fontsConfiguration = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
${fonts.map((folder) => `<dir>${folder}</dir>`).join("\n")}
${["sans-serif", "system-ui"].map((family) => `<alias><family>${family}</family><prefer><family>Open Sans</family></prefer></alias>`).join("\n")}
<cachedir>${join(cache, "fonts-cache")}</cachedir>
</fontconfig>
`

/**
 * Where Chromium, its fonts and the libraries that a bare machine lacks were unpacked. The package unpacks into the
 * temporary folder and takes a file that is there for a whole one, so that two test files at once get half a browser:
 * we unpack aside and move the result into place.
 */
const unpacked = async (): Promise<string> => {
  if (existsSync(cache)) return cache
  const aside = await mkdtemp(`${cache}-`)
  try {
    await promisify(execFile)(
      process.execPath,
      [
        "--input-type=module",
        "--eval",
        "await (await import(process.argv[1])).default.executablePath()",
        chromiumPackage
      ],
      // By this variable the package knows that the machine has no libraries for a browser.
      { env: { TMPDIR: aside, AWS_LAMBDA_JS_RUNTIME: "nodejs24.x" } }
    )
    await rename(aside, cache)
  } catch (error) {
    await rm(aside, { recursive: true, force: true })
    if (!existsSync(cache)) throw error
  }
  return cache
}
