/** Loaded before a server (`node --import`): its clock is off by `CLOCK_OFF_MILLIS`, as far as JavaScript can see. */
const off = Number(process.env.CLOCK_OFF_MILLIS)
const TrueDate = globalThis.Date

globalThis.Date = new Proxy(TrueDate, {
  construct: (_, given, target) =>
    Reflect.construct(TrueDate, given.length === 0 ? [TrueDate.now() + off] : given, target),
  get: (date, name) => (name === "now" ? () => date.now() + off : Reflect.get(date, name))
})
