// The shop's users as code, for a MongoDB that is run elsewhere. Run it in mongosh as a user administrator:
//   WRITER_PASSWORD=… READER_PASSWORD=… mongosh "$ADMIN_URI" mongodb/roles.js
// Safe to repeat; a changed password is taken over.
const name = process.env.DATABASE || "shop";
const users = {
  // Consumers and the index Job write; the position and the facts lie in one database, in one transaction.
  "shop-writer": { password: process.env.WRITER_PASSWORD, role: "readWrite" },
  // For reports and pages that only look.
  "shop-reader": { password: process.env.READER_PASSWORD, role: "read" },
};
const database = db.getSiblingDB(name);
for (const [user, { password, role }] of Object.entries(users)) {
  if (!password) {
    throw new Error(`The password of ${user} is missing in the environment.`);
  }
  const roles = [{ role, db: name }];
  if (database.getUser(user)) {
    database.updateUser(user, { pwd: password, roles });
  } else {
    database.createUser({ user, pwd: password, roles });
  }
  print(`${user}: ${role} on ${name}`);
}
