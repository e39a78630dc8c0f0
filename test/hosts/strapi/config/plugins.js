// Sessions that the server keeps, and can end; in the browser's hands, as for an application.
module.exports = () => ({
  "users-permissions": {
    config: { jwtSecret: "a secret of the test", jwtManagement: "refresh", sessions: { httpOnly: false } }
  }
})
