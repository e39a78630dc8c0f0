/**
 * What the inbox does more where scripts run: it shows a mail when it comes, and copies codes. The list is taken from the page as
 * the server makes it, so there is one way to make it; the mail that is being read stays.
 */
export const script = `
const announce = (text) => { document.querySelector("[role=status]").textContent = text }

const show = async () => {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } })
  if (!answer.ok) return
  const page = new DOMParser().parseFromString(await answer.text(), "text/html")
  const following = document.body.classList.contains("list")
  document.querySelector("nav.mails").replaceWith(page.querySelector("nav.mails"))
  if (following) document.querySelector("main").replaceWith(page.querySelector("main"))
  reveal()
}

const reveal = () => { for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false }

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("button[data-copy]")
  if (!button) return
  const text = button.parentElement.querySelector("output").textContent
  try {
    await navigator.clipboard.writeText(text)
    button.textContent = "Copied"
    announce("The code is copied.")
    setTimeout(() => { button.textContent = "Copy" }, 2000)
  } catch {
    getSelection().selectAllChildren(button.parentElement.querySelector("output"))
    announce("The code is selected: copy it with your keyboard.")
  }
})

const arrivals = new EventSource(document.body.dataset.arrivals)
arrivals.addEventListener("open", show)
arrivals.addEventListener("message", async () => { await show(); announce("A mail has come.") })
reveal()
`
