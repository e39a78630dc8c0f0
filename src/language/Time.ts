import { Duration } from "effect"
import { type Language, localeOf } from "./Language.ts"
import { say } from "./Messages.ts"

/** What a second of queueing takes off a code's life isn't told: a fresh code ends "in 30 minutes", not in 29. */
const slackMillis = 10_000

/** A format of `Intl` for each language, made when it is first needed: making one takes longer than all else in a mail. */
const inEachLanguage = <Format>(make: (locale: string) => Format) => {
  const made: Partial<Record<Language, Format>> = {}
  return (language: Language): Format => {
    made[language] ??= make(localeOf(language))
    return made[language]
  }
}

const unitIn = (unit: "day" | "hour" | "minute") =>
  inEachLanguage((locale) => new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }))

const units = { day: unitIn("day"), hour: unitIn("hour"), minute: unitIn("minute") }

const count = (language: Language, number: number, unit: keyof typeof units): string => {
  const counted = units[unit](language).format(number)
  // Japanese has no space before a counter.
  return language === "ja" ? counted.replace(/\s/, "") : counted
}

/** How long something lasts, in milliseconds, as one says it, to the minute: `1 hour and 30 minutes`. */
export const durationIn = (language: Language, millis: number): string => {
  const { days, hours, minutes } = Duration.parts(Duration.millis(Math.max(0, millis) + slackMillis))
  // What lasts for days isn't told to the hour.
  if (days > 1) return count(language, days, "day")
  const allHours = days * 24 + hours
  if (allHours > 0 && minutes > 0) {
    const parts = { hours: count(language, allHours, "hour"), minutes: count(language, minutes, "minute") }
    return say(language, "duration.hoursAndMinutes", parts)
  }
  if (allHours > 0) return count(language, allHours, "hour")
  return minutes > 0 ? count(language, minutes, "minute") : say(language, "duration.moment")
}

const dateTime = inEachLanguage(
  (locale) =>
    new Intl.DateTimeFormat(locale, {
      year: "numeric",
      month: "long",
      day: "numeric",
      hour: "numeric",
      minute: "2-digit",
      timeZone: "UTC",
      timeZoneName: "short"
    })
)

/** In UTC, since nobody knows where the reader is: `24 November 2026 at 13:05 UTC`. */
export const timeIn = (language: Language, at: Date): string => dateTime(language).format(at)
