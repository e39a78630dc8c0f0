import { createClient, RekeyError } from "@rekey/server/client"

let token: string | undefined
const rekey = createClient({ url: import.meta.env.VITE_REKEY_URL ?? "http://127.0.0.1:1337", token: () => token })

// The link of a mail brings a code, which doesn't stay in the address bar.
const code = new URLSearchParams(location.search).get("code") ?? ""
if (code !== "") history.replaceState(null, "", location.pathname)

/** Sends a form's fields, and says what came of it in the form. */
const onSubmit = (id: string, send: (field: (name: string) => string) => Promise<string>) => {
  const form = document.querySelector<HTMLFormElement>(`#${id}`)
  const output = form?.querySelector("output")
  if (!form || !output) throw new Error(`There is no form ${id}.`)
  form.addEventListener("submit", async (event) => {
    event.preventDefault()
    const fields = new FormData(form)
    try {
      output.value = await send((name) => String(fields.get(name)))
    } catch (error) {
      if (!(error instanceof RekeyError)) throw error
      output.value = error.message
    }
  })
  return form
}

onSubmit("register", async (field) => {
  const answer = await rekey.accounts.register({
    username: field("username"),
    email: field("email"),
    password: field("password")
  })
  return "user" in answer ? `Welcome, ${answer.user.username}.` : "Check your mail."
})

onSubmit("sign-in", async (field) => {
  token = (await rekey.accounts.signIn({ identifier: field("identifier"), password: field("password") })).jwt
  return `You are ${(await rekey.users.me()).email}.`
})

onSubmit("forgot", async (field) => {
  await rekey.recovery.forgotPassword({ email: field("email") })
  return "If there is such an account, a code is on its way."
})

onSubmit("reset", async (field) => {
  const [password, passwordConfirmation] = [field("password"), field("passwordConfirmation")]
  await rekey.recovery.resetPassword({ code, password, passwordConfirmation })
  return "Your password is changed."
}).hidden = code === ""
