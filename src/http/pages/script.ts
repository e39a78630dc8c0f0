/**
 * What makes the pages better where scripts run: passwords that can be looked at, times of the reader's own place, and no form that
 * is sent twice, but for those that bring a file and leave the page where it is. Plain text that every browser of the last years runs; it is served as a file, since the policy allows no script in a page.
 */
export const script = `(function () {
  var all = function (selector) { return Array.prototype.slice.call(document.querySelectorAll(selector)) }
  all("input[data-show]").forEach(function (input) {
    var button = document.createElement("button")
    button.type = "button"
    button.className = "show"
    button.id = input.id + "-show"
    button.setAttribute("aria-controls", input.id)
    button.setAttribute("aria-labelledby", button.id + " " + input.id + "-label")
    var set = function (shown) {
      input.type = shown ? "text" : "password"
      button.textContent = shown ? input.dataset.hide : input.dataset.show
    }
    set(false)
    button.addEventListener("click", function () { set(input.type === "password") })
    if (input.form) input.form.addEventListener("submit", function () { set(false) })
    input.parentNode.appendChild(button)
  })
  all("time[data-locale]").forEach(function (time) {
    var form = { year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit" }
    time.textContent = new Intl.DateTimeFormat(time.dataset.locale, form).format(new Date(time.dateTime))
  })
  all("form:not([data-stays])").forEach(function (form) {
    var sent = false
    form.addEventListener("submit", function (event) {
      if (sent) event.preventDefault()
      sent = true
    })
    addEventListener("pageshow", function () { sent = false })
  })
})()
`
