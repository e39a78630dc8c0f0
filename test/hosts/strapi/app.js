// A Strapi application with the users of its plugin and without the administration: node app.js, with DATABASE_URL and PORT. What Strapi
// writes beside its configuration goes to HOME.
const { cpSync, mkdirSync, symlinkSync } = require("node:fs")
const { createStrapi } = require("@strapi/strapi")

const app = `${process.env.HOME}/strapi`
mkdirSync(`${app}/public/uploads`, { recursive: true })
for (const name of ["config", "package.json"]) cpSync(`${__dirname}/${name}`, `${app}/${name}`, { recursive: true })
symlinkSync(`${__dirname}/node_modules`, `${app}/node_modules`)

createStrapi({ appDir: app, distDir: app, autoReload: false, serveAdminPanel: false }).start()
