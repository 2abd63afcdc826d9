module.exports = (whom) => `hello ${whom}`;
