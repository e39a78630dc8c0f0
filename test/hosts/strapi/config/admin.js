module.exports = () => ({
  auth: { secret: "a secret of the test" },
  apiToken: { salt: "a salt of the test" },
  transfer: { token: { salt: "another salt of the test" } },
  serveAdminPanel: false
})
