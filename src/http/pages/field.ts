import type { ErrorBody } from "../../api/errors.ts"
import { type Html, html } from "../../markup/Html.ts"
import type { Visit } from "./Visits.ts"

export interface FieldOptions {
  readonly name: string
  readonly label: string
  /** What is asked, before anything is typed. */
  readonly hint?: string
  readonly attributes: Readonly<Record<string, string>>
  readonly error: ErrorBody | undefined
}

/** A field with what is wrong with it beside it. */
export const field = ({ attributes, error, hint, label, name }: FieldOptions): Html => {
  const wrong = error?.details?.filter(({ path }) => path[0] === name) ?? []
  const described = [...(hint === undefined ? [] : [`${name}-hint`]), ...(wrong.length > 0 ? [`${name}-error`] : [])]
  const all = {
    ...attributes,
    ...(wrong.length > 0 && { "aria-invalid": "true" }),
    ...(described.length > 0 && { "aria-describedby": described.join(" ") })
  }
  return html`<div class="field">
<label for="${name}" id="${name}-label">${label}</label>
${hint === undefined ? "" : html`<p class="hint" id="${name}-hint">${hint}</p>\n`}\
<span class="box"><input id="${name}" name="${name}" required${Object.entries(all).map(([key, value]) => html` ${key}="${value}"`)}></span>
${wrong.length > 0 ? html`<p class="error" id="${name}-error">${wrong.map(({ message }) => message).join(" ")}</p>\n` : ""}\
</div>
`
}

/** A field for a password, which is never filled in by us. With a script it can be looked at. */
export const passwordField = (
  { say }: Visit,
  {
    attributes,
    ...options
  }: Omit<FieldOptions, "attributes"> & { readonly attributes: { readonly autocomplete: string } }
): Html =>
  field({
    ...options,
    attributes: {
      type: "password",
      ...attributes,
      autocapitalize: "none",
      spellcheck: "false",
      "data-show": say("page.password.show"),
      "data-hide": say("page.password.hide")
    }
  })

interface NewPassword {
  readonly label: string
  readonly minLength: number
  readonly maxLength: number
  readonly error: ErrorBody | undefined
}

const newPasswordAttributes = ({ maxLength, minLength }: NewPassword) => ({
  autocomplete: "new-password",
  // What Safari and others make their suggestions by.
  passwordrules: `minlength: ${minLength}; maxlength: ${maxLength}; allowed: unicode;`
})

/** A password to be, with what is asked of it, for people and for password managers. */
export const newPasswordField = (visit: Visit, options: NewPassword): Html =>
  passwordField(visit, {
    name: "password",
    label: options.label,
    hint: visit.say("page.password.rule", { least: options.minLength }),
    attributes: newPasswordAttributes(options),
    error: options.error
  })

/** A password to be, and the same again. */
export const newPasswordFields = (visit: Visit, options: NewPassword): Html =>
  html`${newPasswordField(visit, options)}${passwordField(visit, {
    name: "passwordConfirmation",
    label: visit.say("page.field.passwordAgain"),
    attributes: newPasswordAttributes(options),
    error: options.error
  })}`
